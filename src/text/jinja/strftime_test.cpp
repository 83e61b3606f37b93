#include "text/jinja/strftime.h"

#include <gtest/gtest.h>

namespace tidemill::jinja {
namespace {

constexpr CivilTime kTime{.year = 2026, .month = 3, .day = 4, .hour = 15, .minute = 6, .second = 7, .microsecond = 89};

// Expected values are those of Python 3.11 on Debian 12.
TEST(Strftime, Directives) {
  const std::pair<const char*, const char*> cases[] = {
      {"%Y-%m-%d %H:%M:%S", "2026-03-04 15:06:07"},
      {"%a %A %b %B %h", "Wed Wednesday Mar March Mar"},
      {"%d %e %-d %_d %-m %y %C", "04  4 4  4 3 26 20"},
      {"%I %-I %l %k %p %P", "03 3  3 15 PM pm"},
      {"%j %u %w %U %W %V %G %g", "063 3 3 09 09 10 2026 26"},
      {"%c|%x|%X|%D|%F|%T|%R|%r",
       "Wed Mar  4 15:06:07 2026|03/04/26|15:06:07|03/04/26|2026-03-04|15:06:07|15:06|03:06:07 PM"},
      {"%f|%Z%z|%%|%^a|%n%t|", "000089||%|WED|\n\t|"},
      {"%q %", "%q %"}};
  for (const auto& [format, text] : cases) EXPECT_EQ(format_time(kTime, format), text) << format;
}

TEST(Strftime, WeeksAtTheTurnOfYears) {
  const std::pair<CivilTime, const char*> cases[] = {{{.year = 2020, .month = 12, .day = 31}, "2020-W53 366 52 52 Thu"},
                                                     {{.year = 2021, .month = 1, .day = 3}, "2020-W53 003 01 00 Sun"},
                                                     {{.year = 2024, .month = 12, .day = 30}, "2025-W01 365 52 53 Mon"},
                                                     {{.year = 2000, .month = 2, .day = 29}, "2000-W09 060 09 09 Tue"},
                                                     {{.year = 1900, .month = 3, .day = 1}, "1900-W09 060 08 09 Thu"}};
  for (const auto& [time, text] : cases) EXPECT_EQ(format_time(time, "%G-W%V %j %U %W %a"), text);
}

TEST(Strftime, ReadsTimes) {
  for (const char* text :
       {"2026-03-04T15:06:07.000089", "2026-03-04 15:06:07.000089Z", "2026-03-04T15:06:07.000089+01:00"}) {
    const auto time = parse_time(text);
    ASSERT_TRUE(time) << text;
    EXPECT_EQ(format_time(*time, "%F %T.%f"), "2026-03-04 15:06:07.000089");
  }
  EXPECT_EQ(format_time(parse_time("2024-02-29").value(), "%c"), "Thu Feb 29 00:00:00 2024");
  for (const char* text : {"", "now", "2026", "2026-13-01", "2026-02-29", "2026-03-04T", "2026-03-04T25:00",
                           "2026-03-04T15:06:07x", "2026-03-04X15:06", "12026-03-04"})
    EXPECT_FALSE(parse_time(text)) << text;
}

}  // namespace
}  // namespace tidemill::jinja
