#include "server/rpc/read_plan.h"

#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/string_view.h"
#include "server/errors.h"

namespace kappa::server {
namespace {

using Place = ReadPlan::Place;
using Position = ReadPlan::Position;

absl::Status Malformed(std::string_view what) {
  return MakeError(v1::ERROR_REASON_MALFORMED_REQUEST,
                   absl::StrCat("options: ", ToAbsl(what)));
}

absl::StatusOr<Position> TimePosition(std::string_view field, int64_t time_us) {
  if (time_us < 0) {
    return Malformed(absl::StrCat(ToAbsl(field), ".append_time_us is ", time_us,
                                  ", it must be at least 0"));
  }
  return Position{Place::kTime, Offset(0), time_us};
}

absl::StatusOr<Position> FlagPosition(std::string_view field, bool set,
                                      Place place) {
  if (!set) {
    return Malformed(
        absl::StrCat(ToAbsl(field), " is present and false, it must be true"));
  }
  return Position{place, Offset(0), 0};
}

absl::StatusOr<Position> StartOf(const v1::ReadOptions& options) {
  if (!options.has_start()) {
    return Position{options.backwards() ? Place::kEnd : Place::kBeginning,
                    Offset(0), 0};
  }
  const v1::ReadStart& start = options.start();
  switch (start.position_case()) {
    case v1::ReadStart::kOffset:
      return Position{Place::kOffset, Offset(start.offset()), 0};
    case v1::ReadStart::kAppendTimeUs:
      return TimePosition("start", start.append_time_us());
    case v1::ReadStart::kBeginning:
      return FlagPosition("start.beginning", start.beginning(),
                          Place::kBeginning);
    case v1::ReadStart::kEnd:
      return FlagPosition("start.end", start.end(), Place::kEnd);
    case v1::ReadStart::POSITION_NOT_SET:
      break;
  }
  return Malformed("start has no position");
}

absl::StatusOr<Position> StopOf(const v1::ReadOptions& options, bool follows) {
  const v1::ReadStop& stop = options.stop();
  switch (stop.position_case()) {
    case v1::ReadStop::kOffset:
      return Position{Place::kOffset, Offset(stop.offset()), 0};
    case v1::ReadStop::kAppendTimeUs:
      return TimePosition("stop", stop.append_time_us());
    case v1::ReadStop::kEnd:
      return FlagPosition("stop.end", stop.end(), Place::kEnd);
    case v1::ReadStop::kNever:
      if (options.backwards()) {
        return Malformed("stop.never together with backwards");
      }
      return FlagPosition("stop.never", stop.never(),
                          follows ? Place::kNever : Place::kEnd);
    case v1::ReadStop::POSITION_NOT_SET:
      break;
  }
  if (options.backwards()) return Position{Place::kBeginning, Offset(0), 0};
  return Position{follows ? Place::kNever : Place::kEnd, Offset(0), 0};
}

absl::Status CheckEnums(const v1::ReadOptions& options) {
  if (!v1::Delivery_IsValid(options.delivery())) {
    return Malformed(absl::StrCat("unknown delivery ", options.delivery()));
  }
  if (!v1::Consistency_IsValid(options.consistency())) {
    return Malformed(
        absl::StrCat("unknown consistency ", options.consistency()));
  }
  return absl::OkStatus();
}

// The calls to the node that turn a plan into a range, one after the other.
class RangeResolution : public std::enable_shared_from_this<RangeResolution> {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<ReadRange>)>;

  RangeResolution(Node* node, GroupId group, const ReadPlan& plan, Done done)
      : node_(node),
        group_(group),
        backwards_(plan.backwards),
        start_(plan.start),
        stop_(plan.stop),
        done_(std::move(done)) {}

  void AskEnd(v1::Consistency consistency) {
    node_->GetEnd(group_, consistency,
                  [self = shared_from_this(),
                   consistency](absl::StatusOr<PartitionEnd> end) {
                    self->OnEnd(consistency, std::move(end));
                  });
  }

 private:
  void OnEnd(v1::Consistency consistency, absl::StatusOr<PartitionEnd> end) {
    if (!end.ok()) return done_(end.status());
    range_.first_offset = end->first_offset;
    range_.end_offset = end->end_offset;
    settled_time_us_ = end->settled_time_us;
    if (start_.place == Place::kOffset && start_.offset > end->end_offset) {
      // Only a confirmed end may refuse.
      if (consistency != v1::CONSISTENCY_UNSPECIFIED) {
        return AskEnd(v1::CONSISTENCY_UNSPECIFIED);
      }
      return done_(MakeError(
          v1::ERROR_REASON_OFFSET_OUT_OF_RANGE,
          absl::StrCat("start offset ", start_.offset.value(),
                       " lies beyond the end ", end->end_offset.value()),
          {{"end_offset", absl::StrCat(end->end_offset.value())}}));
    }
    ResolveStart();
  }

  void ResolveStart() {
    switch (start_.place) {
      case Place::kBeginning:
        range_.from = range_.first_offset;
        return ResolveStop();
      case Place::kOffset:
        range_.from = start_.offset;
        return ResolveStop();
      case Place::kEnd:
      case Place::kNever:
        range_.from = range_.end_offset;
        return ResolveStop();
      case Place::kTime:
        node_->FindTime(
            group_, start_.append_time_us,
            [self = shared_from_this()](absl::StatusOr<Offset> offset) {
              if (!offset.ok()) return self->done_(offset.status());
              self->range_.from = *offset;
              self->ResolveStop();
            });
        return;
    }
  }

  void ResolveStop() {
    switch (stop_.place) {
      case Place::kBeginning:
        range_.until = range_.first_offset;
        return done_(range_);
      case Place::kOffset:
        range_.until = stop_.offset;
        return done_(range_);
      case Place::kEnd:
        range_.until = range_.end_offset;
        return done_(range_);
      case Place::kNever:
        range_.until = kNoStop;
        return done_(range_);
      case Place::kTime:
        break;
    }
    if (!backwards_ && stop_.append_time_us > settled_time_us_) {
      range_.until = kNoStop;
      range_.stop_time_us = stop_.append_time_us;
      return done_(range_);
    }
    // Nothing older will come any more: the time is an offset.
    node_->FindTime(group_, stop_.append_time_us,
                    [self = shared_from_this()](absl::StatusOr<Offset> offset) {
                      if (!offset.ok()) return self->done_(offset.status());
                      self->range_.until = *offset;
                      self->done_(self->range_);
                    });
  }

  Node* const node_;
  const GroupId group_;
  const bool backwards_;
  const Position start_;
  const Position stop_;
  Done done_;
  ReadRange range_;
  int64_t settled_time_us_ = 0;
};

}  // namespace

absl::StatusOr<ReadPlan> CheckReadOptions(const v1::ReadOptions& options,
                                          bool follows) {
  if (absl::Status enums = CheckEnums(options); !enums.ok()) return enums;
  ReadPlan plan;
  absl::StatusOr<Position> start = StartOf(options);
  if (!start.ok()) return start.status();
  absl::StatusOr<Position> stop = StopOf(options, follows);
  if (!stop.ok()) return stop.status();
  plan.start = *start;
  plan.stop = *stop;
  plan.backwards = options.backwards();
  plan.with_digests = options.with_digests();
  plan.consistency = options.consistency();
  if (options.bytes_max() != 0) plan.bytes_max = options.bytes_max();
  if (options.records_max() != 0) plan.records_max = options.records_max();
  if (options.has_filter()) plan.filter.emplace(options.filter());
  // A filter implies exact delivery.
  plan.whole_batches = options.delivery() == v1::DELIVERY_WHOLE_BATCHES &&
                       !plan.filter.has_value();
  for (int codec : options.accepted_compressions()) {
    plan.accepts_zstd |= codec == v1::COMPRESSION_ZSTD;
    plan.accepts_lz4 |= codec == v1::COMPRESSION_LZ4;
  }
  return plan;
}

void ResolveReadRange(
    Node* node, GroupId group, const ReadPlan& plan,
    absl::AnyInvocable<void(absl::StatusOr<ReadRange>)> done) {
  std::make_shared<RangeResolution>(node, group, plan, std::move(done))
      ->AskEnd(plan.consistency);
}

}  // namespace kappa::server
