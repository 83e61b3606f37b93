// tidemill rerank: which of many documents answer a query best.

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cli/commands.h"
#include "cli/engine_options.h"
#include "cli/input.h"
#include "tidemill/error.h"
#include "tidemill/reranker.h"

namespace tidemill::cli {
namespace {

using nlohmann::json;

constexpr auto kOptions = option_table(
    kModelOption,
    Option{.flag = "--query", .kind = OptionKind::text, .value_name = "Q", .help = "rank the lines of --file by this"},
    Option{.flag = "--file",
           .kind = OptionKind::text,
           .value_name = "FILE",
           .help = "documents, one a line; -: standard input",
           .fallback = "-"},
    Option{.flag = "--stdin-jsonl",
           .help = "answer lines {\"query\":...,\"documents\":[...]} of standard input with lines {\"results\":[...]}"},
    Option{.flag = "--raw-scores", .help = "the model's numbers as they are, not brought between 0 and 1"},
    Option{.flag = "--top-n",
           .kind = OptionKind::integer,
           .value_name = "N",
           .help = "only the best N; 0: all",
           .fallback = "0",
           .min = 0,
           .max = 1 << 30},
    kContextOption, kDeltaOption, kComputeOptions, kJsonOption);

struct Ranked {
  size_t index;
  float score;
};

std::vector<Ranked> rank(const Reranker& reranker, const std::string& query, const std::vector<std::string>& documents,
                         const Arguments& arguments) {
  const std::vector<std::string_view> views(documents.begin(), documents.end());
  const ScoreScale scale = arguments.flag("--raw-scores") ? ScoreScale::raw : ScoreScale::model;
  const std::vector<float> scores = reranker.scores(query, views, scale);
  std::vector<Ranked> ranked;
  for (const size_t place : ranking(scores)) ranked.push_back({place, scores[place]});
  const auto n_best = static_cast<size_t>(arguments.integer("--top-n"));
  if (n_best > 0 && ranked.size() > n_best) ranked.resize(n_best);
  return ranked;
}

std::string to_json(const std::vector<Ranked>& ranked) {
  json results = json::array();
  for (const auto& [index, score] : ranked) results.push_back({{"index", index}, {"relevance_score", score}});
  return json{{"results", std::move(results)}}.dump();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    if (end > begin) lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

int run(const Arguments& arguments) {
  if (!arguments.has("--query") && !arguments.flag("--stdin-jsonl"))
    throw Error(ErrorCode::invalid_argument, "rerank: there is nothing to do; give --query or --stdin-jsonl");
  const Reranker reranker = load_by(Reranker::load, arguments);
  if (arguments.flag("--stdin-jsonl")) {
    answer_json_lines([&](const json& line) {
      return to_json(rank(reranker, line.at("query").get<std::string>(),
                          line.at("documents").get<std::vector<std::string>>(), arguments));
    });
    return 0;
  }
  const std::vector<std::string> documents = lines_of(read_all(arguments.text("--file")));
  const std::vector<Ranked> ranked = rank(reranker, arguments.text("--query"), documents, arguments);
  if (arguments.flag("--json")) {
    std::printf("%s\n", to_json(ranked).c_str());
  } else {
    for (const auto& [index, score] : ranked)
      std::printf("%.4f  %s\n", static_cast<double>(score), documents[index].c_str());
  }
  return 0;
}

}  // namespace

const Command kRerank = {
    .name = "rerank",
    .summary = "Order documents by how well they answer a query, by a cross-encoder",
    .usage = "MODEL (--query Q [--file FILE] | --stdin-jsonl) [options]",
    .examples =
        "  tidemill rerank ./ms-marco-MiniLM-L6-v2 --query \"What turns the wheel?\" --file lines.txt\n"
        "  echo '{\"query\":\"a mill\",\"documents\":[\"a wheel\",\"a dog\"]}' | tidemill rerank "
        "./ms-marco-MiniLM-L6-v2 --stdin-jsonl\n",
    .options = kOptions,
    .max_positionals = 1,
    .run = run};

}  // namespace tidemill::cli
