// The public class; what templates may say is tested in jinja/.

#include "tidemill/chat_template.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr const char* kChat =
    "{{ bos_token }}{% for message in messages %}<{{ message.role }}>{{ message.content }}{{ eos_token }}{% endfor %}"
    "{{ '<assistant>' if add_generation_prompt }}";
constexpr const char* kHello = R"({"messages":[{"role":"user","content":"Hello"}],"add_generation_prompt":true})";

TEST(ChatTemplate, RendersMessages) {
  EXPECT_EQ(ChatTemplate(kChat).render(kHello), "<user>Hello<assistant>");
}

TEST(ChatTemplate, SpecialTokensAreVariablesThatCanBeReplaced) {
  const ChatTemplate chat(kChat, "chat", {{"bos_token", "[B]"}, {"eos_token", "[E]"}});
  EXPECT_EQ(chat.render(kHello), "[B]<user>Hello[E]<assistant>");
  EXPECT_EQ(chat.render(R"({"messages":[],"bos_token":"x"})"), "x");
  EXPECT_EQ(chat.special_tokens().size(), 2u);
  EXPECT_EQ(chat.source(), kChat);
}

TEST(ChatTemplate, KeysKeepTheirOrder) {
  EXPECT_EQ(ChatTemplate("{{ tools | tojson }}").render(R"({"tools":[{"z":1,"a":{"y":2,"b":3}}]})"),
            R"([{"z": 1, "a": {"y": 2, "b": 3}}])");
}

TEST(ChatTemplate, TimeIsTheCallersOrTheClocks) {
  const ChatTemplate chat("{{ strftime_now('%d %b %Y, %H:%M') }}");
  EXPECT_EQ(chat.render("{}", {.now = "2026-03-04T05:06:07"}), "04 Mar 2026, 05:06");
  EXPECT_EQ(chat.render("{}").size(), chat.render("{}", {.now = "2026-03-04"}).size());
}

TEST(ChatTemplate, MessagesNameTheTemplate) {
  try {
    ChatTemplate("{{ x.y }}", "model/chat_template.jinja").render("{}");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    EXPECT_TRUE(std::string(error.what()).starts_with("model/chat_template.jinja, line 1: 'x' is undefined; "));
  }
}

TEST(ChatTemplate, ThreadsShareOneTemplate) {
  const ChatTemplate chat(
      "{% set ns = namespace(n=0) %}{% for i in range(2000) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}");
  std::vector<std::string> texts(4);
  std::vector<std::thread> threads;
  for (std::string& text : texts) threads.emplace_back([&] { text = ChatTemplate(chat).render("{}"); });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& text : texts) EXPECT_EQ(text, "1999000");
}

}  // namespace
}  // namespace tidemill
