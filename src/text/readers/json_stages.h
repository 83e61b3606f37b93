// The stages of tokenizer.json, made from their JSON.
//
// `where` names the field in messages ("tokenizer.json: normalizer").  All throw bad_file for missing or malformed
// fields and unsupported for types that are not known, naming the field.  A null value makes a null stage.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "text/normalizer.h"
#include "text/post_processor.h"
#include "text/pre_tokenizer.h"
#include "text/token_decoder.h"

namespace tidemill {

std::unique_ptr<const Normalizer> normalizer_from_json(const nlohmann::json& value, const std::string& where);
// What becomes of the bytes of a text where a stage spells them in GPT-2's alphabet.
enum class Bytes : uint8_t {
  spelled,
  raw,  // the stage leaves that out, for a model that works on bytes
};
std::unique_ptr<const PreTokenizer> pre_tokenizer_from_json(const nlohmann::json& value, const std::string& where,
                                                            Bytes bytes);
std::unique_ptr<const PostProcessor> post_processor_from_json(const nlohmann::json& value, const std::string& where);
std::unique_ptr<const TokenDecoder> decoder_from_json(const nlohmann::json& value, const std::string& where);

}  // namespace tidemill
