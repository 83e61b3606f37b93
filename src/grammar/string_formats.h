// Values of "format" that can be enforced, as patterns.  What they let through is valid; they leave out rare forms.
#pragma once

#include <array>
#include <string_view>

namespace tidemill::grammar {

struct StringFormat {
  std::string_view name, pattern;
};

// RFC 3339 (no leap seconds, no 29 February), RFC 4122, RFC 2673, RFC 4291, RFC 5321, RFC 1123, RFC 3986.
#define TIDEMILL_DATE                                                                    \
  R"([1-9]\d{3}-((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30))" \
  R"(|02-(0[1-9]|1\d|2[0-8])))"
#define TIDEMILL_TIME R"(([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d))"
#define TIDEMILL_HOST \
  R"([A-Za-z0-9]([A-Za-z0-9-]{0,47}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,47}[A-Za-z0-9])?){0,4})"
#define TIDEMILL_CLOCK R"(T(\d{1,6}H(\d{1,6}M(\d{1,6}S)?)?|\d{1,6}M(\d{1,6}S)?|\d{1,6}S))"
#define TIDEMILL_HEX R"([0-9a-fA-F]{1,4})"
#define TIDEMILL_URI R"(([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-F]{2}))"

inline constexpr std::array kStringFormats = {
    StringFormat{"date", "^" TIDEMILL_DATE "$"},
    StringFormat{"time", "^" TIDEMILL_TIME "$"},
    StringFormat{"date-time", "^" TIDEMILL_DATE "T" TIDEMILL_TIME "$"},
    StringFormat{"duration",
                 R"(^P(\d{1,6}W|(\d{1,6}Y(\d{1,6}M(\d{1,6}D)?)?|\d{1,6}M(\d{1,6}D)?|\d{1,6}D)()" TIDEMILL_CLOCK
                 ")?|" TIDEMILL_CLOCK ")$"},
    StringFormat{"uuid", R"(^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$)"},
    StringFormat{"ipv4", R"(^(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$)"},
    StringFormat{"ipv6", "^((" TIDEMILL_HEX ":){7}" TIDEMILL_HEX "|(" TIDEMILL_HEX ":){1,7}:|(" TIDEMILL_HEX
                         ":){1,6}:" TIDEMILL_HEX "|(" TIDEMILL_HEX ":){1,4}(:" TIDEMILL_HEX "){1,3}|:(:" TIDEMILL_HEX
                         "){1,7}|::)$"},
    StringFormat{"hostname", "^" TIDEMILL_HOST "$"},
    StringFormat{"email", R"(^[A-Za-z0-9_+-]{1,30}(\.[A-Za-z0-9_+-]{1,30})?@)" TIDEMILL_HOST "$"},
    StringFormat{"uri", R"(^[a-z][a-z0-9+.-]{0,20}://)" TIDEMILL_HOST R"((:\d{1,4})?(/)" TIDEMILL_URI
                        R"(*)*(\?)" TIDEMILL_URI "*)?(#" TIDEMILL_URI "*)?$"},
};

#undef TIDEMILL_DATE
#undef TIDEMILL_TIME
#undef TIDEMILL_HOST
#undef TIDEMILL_CLOCK
#undef TIDEMILL_HEX
#undef TIDEMILL_URI

}  // namespace tidemill::grammar
