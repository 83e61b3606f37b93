// Responses as they go over the wire.
#include "serve/response_text.h"

#include <gtest/gtest.h>

#include "tidemill/system.h"

namespace tidemill::serve {
namespace {

std::string server_line() {
  return std::string("Server: tidemill/") + version() + "\r\n";
}

TEST(ResponseText, TellsItsLengthAndItsHeaders) {
  const HttpResponse response{.status = 200, .body = "{}", .headers = {{"allow", "GET"}}};
  EXPECT_EQ(head_text(response, "req-1", {{"vary", "Origin"}}, {.content_length = 2}),
            "HTTP/1.1 200 OK\r\n" + server_line() +
                "Content-Type: application/json\r\nx-request-id: req-1\r\nallow: GET\r\nvary: Origin\r\n"
                "Content-Length: 2\r\n\r\n");
}

TEST(ResponseText, SaysHowTheConnectionGoesOnWhereThatIsNotUnderstood) {
  const HttpResponse empty{.status = 204, .content_type = "", .body = ""};
  const auto line_of = [&](unsigned version, bool keeps_alive) {
    const std::string text = head_text(empty, "1", {}, {.version = version, .keeps_alive = keeps_alive});
    const size_t at = text.find("Connection: ");
    return text.substr(0, 8) + (at == std::string::npos ? "" : " " + text.substr(at, text.find("\r\n", at) - at));
  };
  EXPECT_EQ(line_of(11, true), "HTTP/1.1");
  EXPECT_EQ(line_of(11, false), "HTTP/1.1 Connection: close");
  EXPECT_EQ(line_of(10, true), "HTTP/1.0 Connection: keep-alive");
  EXPECT_EQ(line_of(10, false), "HTTP/1.0");
}

TEST(ResponseText, ABodyInChunksHasNoLength) {
  const std::string text = head_text({.body = ""}, "1", {}, {.is_chunked = true});
  EXPECT_NE(text.find("Transfer-Encoding: chunked\r\n"), std::string::npos);
  EXPECT_EQ(text.find("Content-Length"), std::string::npos);
  EXPECT_EQ(chunk_text("data: x\n\n"), "9\r\ndata: x\n\n\r\n");
  EXPECT_EQ(chunk_text(std::string(300, 'x')).substr(0, 5), "12c\r\n");
}

}  // namespace
}  // namespace tidemill::serve
