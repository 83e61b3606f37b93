// Numbers and texts as text; expected values are Python's.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "text/jinja/format_spec.h"
#include "text/jinja/numbers.h"

namespace tidemill::jinja {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

struct FormatTest : testing::Test {
  Runtime runtime{CivilTime{}};
  std::string format(const Value& value, const char* spec) { return format_value(runtime, value, spec); }
};

TEST(Numbers, FloatRepr) {
  const std::pair<double, const char*> cases[] = {{0.1, "0.1"},
                                                  {1.0, "1.0"},
                                                  {-0.0, "-0.0"},
                                                  {1e+16, "1e+16"},
                                                  {1e15, "1000000000000000.0"},
                                                  {1.2345678901234568e+17, "1.2345678901234568e+17"},
                                                  {0.0001, "0.0001"},
                                                  {1e-05, "1e-05"},
                                                  {5e-324, "5e-324"},
                                                  {2.5, "2.5"},
                                                  {100.0, "100.0"},
                                                  {1.7976931348623157e+308, "1.7976931348623157e+308"},
                                                  {1e+22, "1e+22"},
                                                  {-1.5e-07, "-1.5e-07"},
                                                  {0.3333333333333333, "0.3333333333333333"},
                                                  {kInfinity, "inf"},
                                                  {-kInfinity, "-inf"},
                                                  {kNan, "nan"}};
  for (const auto& [number, text] : cases) EXPECT_EQ(float_repr(number), text);
}

TEST(Numbers, ParseInt) {
  const std::pair<const char*, int64_t> cases[] = {{"12", 12},
                                                   {" -1_000\n", -1000},
                                                   {"+7", 7},
                                                   {"0", 0},
                                                   {"007", 7},
                                                   {"\u0661\u0662", 12},
                                                   {"9223372036854775807", INT64_MAX},
                                                   {"-9223372036854775808", INT64_MIN}};
  for (const auto& [text, number] : cases) EXPECT_EQ(parse_int(text), number) << text;
  for (const char* text : {"", " ", "1.0", "a", "1__0", "_1", "1_", "--1", "0x10", "1 2", "-"})
    EXPECT_EQ(parse_int(text), std::nullopt) << text;
  EXPECT_EQ(parse_int("0x1F", 16), 31);
  EXPECT_EQ(parse_int("1F", 16), 31);
  EXPECT_EQ(parse_int("0b101", 0), 5);
  EXPECT_EQ(parse_int("010", 0), std::nullopt);
  EXPECT_EQ(parse_int("zz", 36), 1295);
  EXPECT_THROW(parse_int("9223372036854775808"), Failure);
}

TEST(Numbers, ParseFloat) {
  const std::pair<const char*, double> cases[] = {
      {"1.5", 1.5},       {" -2e3 ", -2000},         {".5", 0.5},         {"1.", 1}, {"1_0.5", 10.5},
      {"inf", kInfinity}, {"-Infinity", -kInfinity}, {"1e999", kInfinity}};
  for (const auto& [text, number] : cases) EXPECT_EQ(parse_float(text), number) << text;
  EXPECT_TRUE(std::isnan(parse_float("nan").value()));
  for (const char* text : {"", "a", "1e", "1__0", "0x10", "1,5", "infin"})
    EXPECT_EQ(parse_float(text), std::nullopt) << text;
}

TEST(Numbers, RoundHalfToEven) {
  const std::tuple<double, int, double> floats[] = {{2.5, 0, 2.0},        {3.5, 0, 4.0},        {-2.5, 0, -2.0},
                                                    {2.675, 2, 2.67},     {1.005, 2, 1.0},      {0.15, 1, 0.1},
                                                    {1234.5, -2, 1200.0}, {1e300, -299, 1e300}, {5e-324, 400, 5e-324},
                                                    {15.0, -1, 20.0},     {25.0, -1, 20.0}};
  for (const auto& [number, digits, rounded] : floats) EXPECT_EQ(round_to_digits(number, digits), rounded) << number;
  const std::tuple<int64_t, int, int64_t> integers[] = {{15, -1, 20},   {25, -1, 20},   {-15, -1, -20}, {-25, -1, -20},
                                                        {149, -2, 100}, {150, -2, 200}, {250, -2, 200}, {5, -1, 0},
                                                        {7, 0, 7},      {7, 3, 7},      {1, -30, 0}};
  for (const auto& [number, digits, rounded] : integers) EXPECT_EQ(round_to_digits(number, digits), rounded) << number;
}

TEST_F(FormatTest, Integers) {
  const std::tuple<int, const char*, const char*> cases[] = {{1234567, ",", "1,234,567"},
                                                             {255, "#x", "0xff"},
                                                             {5, "#b", "0b101"},
                                                             {-7, "05", "-0007"},
                                                             {7, "+", "+7"},
                                                             {7, ">5", "    7"},
                                                             {7, "*^5", "**7**"},
                                                             {7, "=+6", "+    7"},
                                                             {4, "012,", "0,000,000,004"},
                                                             {4, "+013,", "+0,000,000,004"},
                                                             {4, "=#09_x", "0x00_0004"},
                                                             {65, "c", "A"},
                                                             {8, "o", "10"},
                                                             {1000, "_", "1_000"},
                                                             {10, "X", "A"},
                                                             {3, ".0f", "3"},
                                                             {12, "e", "1.200000e+01"},
                                                             {255, "_b", "1111_1111"},
                                                             {5, "%", "500.000000%"}};
  for (const auto& [number, spec, text] : cases) EXPECT_EQ(format(number, spec), text) << spec;
}

TEST_F(FormatTest, Floats) {
  const std::tuple<double, const char*, const char*> cases[] = {
      {2.5, ".1f", "2.5"},         {2.5, "08.3f", "0002.500"}, {0.25, "%", "25.000000%"},
      {0.25, ".1%", "25.0%"},      {1234.5, ",", "1,234.5"},   {0.5, " 09,.1f", " 00,000.5"},
      {1234.5, ".3", "1.23e+03"},  {12.0, ".2", "1.2e+01"},    {1e10, "g", "1e+10"},
      {1e5, "g", "100000"},        {1e-5, "g", "1e-05"},       {12345.678, ".2e", "1.23e+04"},
      {2.675, ".2f", "2.67"},      {0.5, ".0f", "0"},          {1.5, ".0f", "2"},
      {-0.0, "+", "-0.0"},         {kInfinity, "f", "inf"},    {kNan, "F", "NAN"},
      {1e16, "", "1e+16"},         {3.0, ">6", "   3.0"},      {2.0, "n", "2"},
      {123456.0, ".3", "1.23e+05"}};
  for (const auto& [number, spec, text] : cases) EXPECT_EQ(format(number, spec), text) << spec;
}

TEST_F(FormatTest, Texts) {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"abc", "5", "abc  "},   {"abc", ">5", "  abc"}, {"abc", "^6", " abc  "},
      {"abc", "*<5", "abc**"}, {"abc", ".2", "ab"},    {"\u00e9\u6f22", "\u00e9>4", "\u00e9\u00e9\u00e9\u6f22"},
      {"a", "05", "a0000"}};
  for (const auto& [value, spec, text] : cases) EXPECT_EQ(format(constant_string(value), spec), text) << spec;
}

TEST_F(FormatTest, WrongSpecifications) {
  for (const char* spec : {"d", "=5", "+", "#", ",", ".", "5x5", "q"})
    EXPECT_THROW(format(constant_string("a"), spec), Failure) << spec;
  EXPECT_THROW(format(1, ".2d"), Failure);
  EXPECT_THROW(format(1, "s"), Failure);
  EXPECT_THROW(format(1, ",x"), Failure);
  EXPECT_THROW(format(1, "_n"), Failure);
  EXPECT_THROW(format(1.5, "d"), Failure);
  EXPECT_THROW(format(None(), ">5"), Failure);
  EXPECT_THROW(format(1, "9999999999"), Failure);
}

}  // namespace
}  // namespace tidemill::jinja
