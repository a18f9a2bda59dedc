// Text in and out of JSON strings, whatever bytes it holds.
#ifndef KAPPA_CLIENT_CLI_JSON_TEXT_H_
#define KAPPA_CLIENT_CLI_JSON_TEXT_H_

#include <string>
#include <string_view>

namespace kappa::cli {

// True if `text` is UTF-8 (no overlong forms, no surrogates).
bool IsUtf8(std::string_view text);

// Appends `text` as a JSON string, quotes included. Bytes that are no UTF-8 are
// replaced by U+FFFD.
void AppendJsonString(std::string_view text, std::string* out);

// Appends `"name":"text"`; bytes that are no UTF-8 go as
// `"name_base64":"..."` instead, so that nothing is lost.
void AppendJsonMember(std::string_view name, std::string_view bytes,
                      std::string* out);

}  // namespace kappa::cli

#endif  // KAPPA_CLIENT_CLI_JSON_TEXT_H_
