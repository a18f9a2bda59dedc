#include "client/cli/json_text.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/strings/escaping.h"
#include "proto/wire/string_view.h"

namespace kappa::cli {

namespace {

// Length of the UTF-8 sequence at the start of `text`, 0 if it is not one.
size_t Utf8Length(std::string_view text) {
  const auto byte = [&text](size_t i) {
    return static_cast<unsigned char>(text[i]);
  };
  const unsigned char lead = byte(0);
  size_t length = 0;
  uint32_t code = 0;
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
    code = lead & 0x1F;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    code = lead & 0x0F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    code = lead & 0x07;
  } else {
    return 0;
  }
  if (text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    code = code << 6 | (byte(i) & 0x3F);
  }
  const bool overlong =
      (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  return overlong || surrogate || code > 0x10FFFF ? 0 : length;
}

void AppendEscaped(unsigned char byte, std::string* out) {
  constexpr char kHex[] = "0123456789abcdef";
  switch (byte) {
    case '"':
      out->append("\\\"");
      break;
    case '\\':
      out->append("\\\\");
      break;
    case '\n':
      out->append("\\n");
      break;
    case '\r':
      out->append("\\r");
      break;
    case '\t':
      out->append("\\t");
      break;
    default:
      out->append("\\u00");
      out->push_back(kHex[byte >> 4]);
      out->push_back(kHex[byte & 15]);
  }
}

}  // namespace

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = Utf8Length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

void AppendJsonString(std::string_view text, std::string* out) {
  out->push_back('"');
  size_t plain_from = 0;
  size_t i = 0;
  const auto flush = [&](size_t until) {
    out->append(text.substr(plain_from, until - plain_from));
  };
  while (i < text.size()) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\') {
      ++i;
      continue;
    }
    if (byte >= 0x80) {
      const size_t length = Utf8Length(text.substr(i));
      if (length > 0) {
        i += length;
        continue;
      }
      flush(i);
      out->append("\xEF\xBF\xBD");
    } else {
      flush(i);
      AppendEscaped(byte, out);
    }
    plain_from = ++i;
  }
  flush(text.size());
  out->push_back('"');
}

void AppendJsonMember(std::string_view name, std::string_view bytes,
                      std::string* out) {
  out->push_back('"');
  out->append(name);
  if (IsUtf8(bytes)) {
    out->append("\":");
    AppendJsonString(bytes, out);
    return;
  }
  out->append("_base64\":\"");
  out->append(absl::Base64Escape(ToAbsl(bytes)));
  out->push_back('"');
}

}  // namespace kappa::cli
