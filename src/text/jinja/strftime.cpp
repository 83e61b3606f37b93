#include "text/jinja/strftime.h"

#include <array>

namespace tidemill::jinja {
namespace {

constexpr std::array kDays = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
constexpr std::array kMonths = {"January", "February", "March",     "April",   "May",      "June",
                                "July",    "August",   "September", "October", "November", "December"};

bool is_leap(int year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int days_in_month(int year, int month) {
  constexpr std::array kLengths = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap(year) ? 29 : kLengths[static_cast<size_t>(month - 1)];
}

// Day of the year, 0 to 365.
int year_day(const CivilTime& time) {
  int day = time.day - 1;
  for (int month = 1; month < time.month; ++month) day += days_in_month(time.year, month);
  return day;
}

// Days since 1 January of year 1, which was a Monday.
int64_t day_number(const CivilTime& time) {
  const int64_t years = time.year - 1;
  return years * 365 + years / 4 - years / 100 + years / 400 + year_day(time);
}

// 0 is Sunday.
int week_day(const CivilTime& time) {
  return static_cast<int>((day_number(time) + 1) % 7);
}

int weeks_in_iso_year(int year) {
  const int last = week_day({.year = year, .month = 12, .day = 31});
  const int first = week_day({.year = year, .month = 1, .day = 1});
  return last == 4 || first == 4 ? 53 : 52;
}

// ISO 8601: the week with the year's first Thursday is week 1.
struct IsoWeek {
  int year, week;
};

IsoWeek iso_week(const CivilTime& time) {
  const int day_from_monday = (week_day(time) + 6) % 7;
  const int week = (year_day(time) - day_from_monday + 10) / 7;
  if (week < 1) return {time.year - 1, weeks_in_iso_year(time.year - 1)};
  if (week > weeks_in_iso_year(time.year)) return {time.year + 1, 1};
  return {time.year, week};
}

// `number` with at least `width` digits; the flag '-' takes the padding away, '_' and '0' choose it.
std::string padded(int64_t number, int width, char pad, char flag) {
  std::string digits = std::to_string(number);
  if (flag == '-') return digits;
  if (flag == '_') pad = ' ';
  if (flag == '0') pad = '0';
  const int n_missing = width - static_cast<int>(digits.size());
  return n_missing > 0 ? std::string(static_cast<size_t>(n_missing), pad) + digits : digits;
}

int64_t seconds_since_1970(const CivilTime& time) {
  constexpr int64_t kDaysTo1970 = 719162;
  return (day_number(time) - kDaysTo1970) * 86400 + time.hour * 3600 + time.minute * 60 + time.second;
}

// What a directive that is made of others stands for.
std::string_view composition(char directive) {
  switch (directive) {
    case 'c':
      return "%a %b %e %H:%M:%S %Y";
    case 'D':
    case 'x':
      return "%m/%d/%y";
    case 'F':
      return "%Y-%m-%d";
    case 'R':
      return "%H:%M";
    case 'r':
      return "%I:%M:%S %p";
    case 'T':
    case 'X':
      return "%H:%M:%S";
    default:
      return {};
  }
}

std::string name_of(const CivilTime& time, char directive) {
  std::string day = kDays[static_cast<size_t>(week_day(time))];
  std::string month = kMonths[static_cast<size_t>(time.month - 1)];
  switch (directive) {
    case 'A':
      return day;
    case 'a':
      return day.substr(0, 3);
    case 'B':
      return month;
    case 'b':
    case 'h':
      return month.substr(0, 3);
    case 'p':
      return time.hour < 12 ? "AM" : "PM";
    case 'P':
      return time.hour < 12 ? "am" : "pm";
    case 'n':
      return "\n";
    case 't':
      return "\t";
    case '%':
      return "%";
    default:
      return {};
  }
}

// A directive that is a number; nothing when it is none.
std::optional<std::string> number_of(const CivilTime& time, char directive, char flag) {
  const int hour_of_12 = time.hour % 12 == 0 ? 12 : time.hour % 12;
  switch (directive) {
    case 'C':
      return padded(time.year / 100, 2, '0', flag);
    case 'd':
      return padded(time.day, 2, '0', flag);
    case 'e':
      return padded(time.day, 2, ' ', flag);
    case 'f':
      return padded(time.microsecond, 6, '0', 0);
    case 'G':
      return padded(iso_week(time).year, 1, '0', flag);
    case 'g':
      return padded(iso_week(time).year % 100, 2, '0', flag);
    case 'H':
      return padded(time.hour, 2, '0', flag);
    case 'I':
      return padded(hour_of_12, 2, '0', flag);
    case 'j':
      return padded(year_day(time) + 1, 3, '0', flag);
    case 'k':
      return padded(time.hour, 2, ' ', flag);
    case 'l':
      return padded(hour_of_12, 2, ' ', flag);
    case 'M':
      return padded(time.minute, 2, '0', flag);
    case 'm':
      return padded(time.month, 2, '0', flag);
    case 'S':
      return padded(time.second, 2, '0', flag);
    case 's':
      return padded(seconds_since_1970(time), 1, '0', flag);
    case 'U':
      return padded((year_day(time) + 7 - week_day(time)) / 7, 2, '0', flag);
    case 'u':
      return padded(week_day(time) == 0 ? 7 : week_day(time), 1, '0', flag);
    case 'V':
      return padded(iso_week(time).week, 2, '0', flag);
    case 'W':
      return padded((year_day(time) + 7 - (week_day(time) + 6) % 7) / 7, 2, '0', flag);
    case 'w':
      return padded(week_day(time), 1, '0', flag);
    case 'Y':
      return padded(time.year, 1, '0', flag);
    case 'y':
      return padded(time.year % 100, 2, '0', flag);
    default:
      return std::nullopt;
  }
}

std::string in_case(std::string text, char flag) {
  if (flag != '^') return text;
  for (char& byte : text) byte = static_cast<char>(byte >= 'a' && byte <= 'z' ? byte - 32 : byte);
  return text;
}

// Reads exactly `n_digits` digits.
std::optional<int> take_digits(std::string_view& text, size_t n_digits) {
  int value = 0;
  if (text.size() < n_digits) return std::nullopt;
  for (const char byte : text.substr(0, n_digits)) {
    if (byte < '0' || byte > '9') return std::nullopt;
    value = value * 10 + (byte - '0');
  }
  text.remove_prefix(n_digits);
  return value;
}

bool take_byte(std::string_view& text, std::string_view wanted) {
  if (text.empty() || wanted.find(text[0]) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

bool take_field(std::string_view& text, size_t n_digits, int lowest, int highest, int& field) {
  const auto value = take_digits(text, n_digits);
  if (!value || *value < lowest || *value > highest) return false;
  field = *value;
  return true;
}

}  // namespace

std::string format_time(const CivilTime& time, std::string_view format) {
  std::string out;
  for (size_t position = 0; position < format.size(); ++position) {
    if (format[position] != '%' || position + 1 == format.size()) {
      out += format[position];
      continue;
    }
    const size_t begin = position++;
    const bool has_flag = std::string_view("-_0^").find(format[position]) != std::string_view::npos;
    const char flag = has_flag && position + 1 < format.size() ? format[position++] : '\0';
    const char directive = format[position];
    if (const std::string_view whole = composition(directive); !whole.empty())
      out += format_time(time, whole);
    else if (const auto number = number_of(time, directive, flag))
      out += *number;
    else if (const std::string name = name_of(time, directive); !name.empty())
      out += in_case(name, flag);
    else if (directive != 'Z' && directive != 'z')  // the time zone is not known
      out += format.substr(begin, position + 1 - begin);
  }
  return out;
}

std::optional<CivilTime> parse_time(std::string_view text) {
  CivilTime time;
  if (!take_field(text, 4, 1, 9999, time.year) || !take_byte(text, "-") || !take_field(text, 2, 1, 12, time.month) ||
      !take_byte(text, "-") || !take_field(text, 2, 1, days_in_month(time.year, time.month), time.day))
    return std::nullopt;
  if (text.empty()) return time;
  if (!take_byte(text, "T ") || !take_field(text, 2, 0, 23, time.hour) || !take_byte(text, ":") ||
      !take_field(text, 2, 0, 59, time.minute))
    return std::nullopt;
  if (take_byte(text, ":") && !take_field(text, 2, 0, 60, time.second)) return std::nullopt;
  if (take_byte(text, ".")) {
    int unit = 100'000;
    for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; unit /= 10, text.remove_prefix(1))
      time.microsecond += (text[0] - '0') * unit;
  }
  const bool zone = text.empty() || text[0] == 'Z' || text[0] == '+' || text[0] == '-';
  return zone && text.size() <= 6 ? std::optional<CivilTime>(time) : std::nullopt;
}

}  // namespace tidemill::jinja
