#include "serve/openapi.h"

namespace tidemill::serve {

const char* openapi_schemas() {
  return R"({
"Error": {"type": "object", "required": ["error"], "properties": {"error": {"type": "object",
  "required": ["message", "type"], "properties": {"message": {"type": "string"}, "type": {"type": "string"},
  "param": {"type": ["string", "null"]}, "code": {"type": ["string", "null"]}}}}},
"Texts": {"type": "object", "properties": {
  "model": {"type": ["string", "null"], "description": "may be left out where only one is served"},
  "max_tokens": {"type": ["integer", "null"], "minimum": 0},
  "max_completion_tokens": {"type": ["integer", "null"], "minimum": 0},
  "temperature": {"type": ["number", "null"], "minimum": 0, "maximum": 2},
  "top_p": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
  "top_k": {"type": ["integer", "null"], "minimum": -1},
  "min_p": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
  "repeat_penalty": {"type": ["number", "null"], "minimum": 0.01, "maximum": 100},
  "frequency_penalty": {"type": ["number", "null"], "minimum": -2, "maximum": 2},
  "presence_penalty": {"type": ["number", "null"], "minimum": -2, "maximum": 2},
  "logit_bias": {"type": ["object", "null"], "additionalProperties": {"type": "number", "minimum": -100, "maximum": 100}},
  "n": {"type": ["integer", "null"], "minimum": 1, "maximum": 8},
  "seed": {"type": ["integer", "null"]},
  "stop": {"type": ["string", "array", "null"], "items": {"type": "string", "maxLength": 256}, "maxItems": 16},
  "grammar": {"type": ["string", "null"], "description": "in GBNF"},
  "response_format": {"type": ["object", "null"]},
  "ignore_eos": {"type": ["boolean", "null"]},
  "stream": {"type": ["boolean", "null"]},
  "stream_options": {"type": ["object", "null"], "properties": {"include_usage": {"type": ["boolean", "null"]}}}}},
"Completion": {"allOf": [{"$ref": "#/components/schemas/Texts"}, {"type": "object", "required": ["prompt"],
  "properties": {
    "prompt": {"type": ["string", "array"], "description": "a text, a list of token ids, or a list of either"},
    "echo": {"type": ["boolean", "null"]},
    "logprobs": {"type": ["integer", "null"], "minimum": 0, "maximum": 20}}}]},
"Chat": {"allOf": [{"$ref": "#/components/schemas/Texts"}, {"type": "object", "required": ["messages"], "properties": {
  "messages": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["role"],
    "properties": {"role": {"type": "string"}, "content": {}}}},
  "tools": {"type": ["array", "null"], "items": {"type": "object"}},
  "tool_choice": {"type": ["string", "object", "null"]},
  "parallel_tool_calls": {"type": ["boolean", "null"]},
  "logprobs": {"type": ["boolean", "null"]},
  "top_logprobs": {"type": ["integer", "null"], "minimum": 0, "maximum": 20}}}]},
"Responses": {"type": "object", "required": ["input"], "properties": {
  "model": {"type": ["string", "null"]}, "input": {"type": ["string", "array"]},
  "instructions": {"type": ["string", "null"]}, "max_output_tokens": {"type": ["integer", "null"], "minimum": 0},
  "tools": {"type": ["array", "null"], "items": {"type": "object"}}, "stream": {"type": ["boolean", "null"]}}},
"Messages": {"type": "object", "required": ["messages"], "properties": {
  "model": {"type": ["string", "null"]}, "messages": {"type": "array", "minItems": 1, "items": {"type": "object"}},
  "system": {"type": ["string", "array", "null"]}, "max_tokens": {"type": ["integer", "null"], "minimum": 0},
  "tools": {"type": ["array", "null"], "items": {"type": "object"}}, "stream": {"type": ["boolean", "null"]}}},
"Embeddings": {"type": "object", "required": ["input"], "properties": {
  "model": {"type": ["string", "null"]},
  "input": {"type": ["string", "array"], "description": "a text, a list of token ids, or a list of either"},
  "encoding_format": {"type": ["string", "null"], "enum": ["float", "base64", null]},
  "dimensions": {"type": ["integer", "null"], "minimum": 1}, "prompt_name": {"type": ["string", "null"]}}},
"Rerank": {"type": "object", "required": ["query"], "properties": {
  "model": {"type": ["string", "null"]}, "query": {"type": "string"},
  "documents": {"type": ["array", "null"], "minItems": 1, "maxItems": 2048,
    "items": {"type": ["string", "object"], "description": "a text, or an object with \"text\""}},
  "texts": {"type": ["array", "null"], "minItems": 1, "maxItems": 2048, "items": {"type": "string"},
    "description": "instead of documents: the answer is a list, as text-embeddings-inference gives it"},
  "top_n": {"type": ["integer", "null"], "minimum": 0},
  "return_documents": {"type": ["boolean", "null"]}, "return_text": {"type": ["boolean", "null"]},
  "raw_scores": {"type": ["boolean", "null"]}}},
"Ranking": {"type": ["object", "array"], "required": ["model", "results", "usage"], "properties": {
    "results": {"type": "array", "items": {"type": "object", "required": ["index", "relevance_score"]}}},
  "items": {"type": "object", "required": ["index", "score"]}},
"Tokenize": {"type": "object", "required": ["content"], "properties": {"model": {"type": ["string", "null"]},
  "content": {"type": "string"}, "add_special": {"type": ["boolean", "null"]}}},
"Detokenize": {"type": "object", "required": ["tokens"], "properties": {"model": {"type": ["string", "null"]},
  "tokens": {"type": "array", "items": {"type": "integer", "minimum": 0}}}},
"LoadModel": {"type": "object", "required": ["id"], "properties": {
  "id": {"type": "string", "minLength": 1, "maxLength": 200}, "path": {"type": "string", "minLength": 1},
  "delta": {"type": "string", "minLength": 1}, "base": {"type": "string"}}}
})";
}

}  // namespace tidemill::serve
