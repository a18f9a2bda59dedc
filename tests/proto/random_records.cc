#include "tests/proto/random_records.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace kappa {

std::string RandomBytes(Random& random, size_t bytes) {
  std::string out(bytes, '\0');
  for (char& c : out) c = static_cast<char>(random());
  return out;
}

std::string RandomUtf8(Random& random, size_t characters_max) {
  // First and last of each length of encoding, and ordinary ones.
  static constexpr std::string_view kCharacters[] = {
      "a",      "Z",          "-",          "\x01",      "\x7f",   "\u0080",
      "\u00fc", "\u07ff",     "\u0800",     "\ud7ff",    "\ue000", "\uffff",
      "\u5730", "\U00010000", "\U0001f30b", "\U0010ffff"};
  std::string text;
  for (size_t n = 1 + random() % characters_max; n > 0; --n) {
    text.append(kCharacters[random() % std::size(kCharacters)]);
  }
  return text;
}

kappa::v1::Record RandomRecord(Random& random) {
  kappa::v1::Record record;
  if (random() % 4 != 0) record.set_key(RandomBytes(random, random() % 20));
  if (random() % 8 != 0) record.set_value(RandomBytes(random, random() % 300));
  if (random() % 3 == 0) {
    for (size_t n = random() % 5; n > 0; --n) {
      kappa::v1::Header* header = record.add_headers();
      header->set_name(RandomUtf8(random, 8));
      header->set_value(RandomBytes(random, random() % 12));
    }
  }
  if (random() % 2 == 0) {
    record.set_event_time_us(static_cast<int64_t>(random() >> (random() % 64)));
  }
  return record;
}

kappa::v1::RecordSet RandomRecordSet(Random& random, int records_max) {
  kappa::v1::RecordSet set;
  for (size_t n = 1 + random() % records_max; n > 0; --n) {
    *set.add_records() = RandomRecord(random);
  }
  return set;
}

void AddRecord(const kappa::v1::Record& record, RecordSetEncoder* encoder) {
  std::vector<HeaderView> headers;
  for (const kappa::v1::Header& header : record.headers()) {
    headers.push_back({header.name(), header.value()});
  }
  RecordView view;
  if (record.has_key()) view.key = record.key();
  if (record.has_value()) view.value = record.value();
  view.headers = headers;
  if (record.has_event_time_us()) view.event_time_us = record.event_time_us();
  encoder->Add(view);
}

kappa::v1::Record ToProtobuf(const RecordView& view) {
  kappa::v1::Record record;
  if (view.key) record.set_key(std::string(*view.key));
  if (view.value) record.set_value(std::string(*view.value));
  for (const HeaderView& header : view.headers) {
    kappa::v1::Header* added = record.add_headers();
    added->set_name(std::string(header.name));
    added->set_value(std::string(header.value));
  }
  if (view.event_time_us) record.set_event_time_us(*view.event_time_us);
  return record;
}

Payload CutAt(std::string_view bytes, const std::vector<size_t>& places) {
  // One allocation per piece: reading over the end of one is seen by the
  // address sanitizer.
  auto owner = std::make_shared<std::vector<std::unique_ptr<char[]>>>();
  Payload::Pieces pieces;
  size_t from = 0;
  const auto add = [&](size_t to) {
    const std::string_view piece = bytes.substr(from, to - from);
    owner->push_back(std::make_unique<char[]>(piece.size()));
    std::copy(piece.begin(), piece.end(), owner->back().get());
    pieces.push_back(std::string_view(owner->back().get(), piece.size()));
    from = to;
  };
  for (size_t place : places) add(place);
  add(bytes.size());
  return Payload(std::move(pieces), std::move(owner));
}

Payload CutAtRandom(Random& random, std::string_view bytes) {
  std::vector<size_t> places(random() % 6);
  for (size_t& place : places) place = random() % (bytes.size() + 1);
  std::sort(places.begin(), places.end());
  return CutAt(bytes, places);
}

}  // namespace kappa
