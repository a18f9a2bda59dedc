#include "server/rpc/record_filter.h"

#include <algorithm>
#include <string_view>

namespace kappa::server {

RecordFilter::RecordFilter(const v1::RecordFilter& filter) {
  if (filter.has_key()) key_ = filter.key();
  if (filter.has_key_prefix()) key_prefix_ = filter.key_prefix();
  if (filter.has_header()) header_ = filter.header();
}

bool RecordFilter::Matches(const RecordView& record) const {
  if (key_.has_value() && record.key != std::string_view(*key_)) return false;
  if (key_prefix_.has_value() &&
      !(record.key.has_value() && record.key->starts_with(*key_prefix_))) {
    return false;
  }
  if (!header_.has_value()) return true;
  return std::any_of(record.headers.begin(), record.headers.end(),
                     [this](const HeaderView& header) {
                       return header.name == header_->name() &&
                              header.value == header_->value();
                     });
}

}  // namespace kappa::server
