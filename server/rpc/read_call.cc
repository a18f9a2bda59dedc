#include "server/rpc/read_call.h"

#include <algorithm>
#include <utility>

#include "proto/wire/wire_format.h"

namespace kappa::server {
namespace {

constexpr size_t kChunkBytesMax = 3 << 20;

}  // namespace

void ReadCall::Run(const RpcContext& context, const v1::ReadRequest& request,
                   UnaryMethod::Done done) {
  absl::StatusOr<FoundPartition> partition =
      FindPartition(*context.node, request.topic(), request.topic_uuid(),
                    request.partition());
  if (!partition.ok()) return done(partition.status());
  absl::StatusOr<ReadPlan> plan =
      CheckReadOptions(request.options(), /*follows=*/false);
  if (!plan.ok()) return done(plan.status());
  auto read = std::make_shared<ReadCall>(context, *std::move(partition),
                                         *std::move(plan), std::move(done));
  ResolveReadRange(context.node, read->partition_.group, *read->plan_,
                   [read](absl::StatusOr<ReadRange> range) {
                     read->OnRange(std::move(range));
                   });
}

ReadCall::ReadCall(const RpcContext& context, FoundPartition partition,
                   ReadPlan plan, UnaryMethod::Done done)
    : context_(context),
      partition_(std::move(partition)),
      plan_(std::make_shared<const ReadPlan>(std::move(plan))),
      done_(std::move(done)) {}

void ReadCall::OnRange(absl::StatusOr<ReadRange> range) {
  if (!range.ok()) return done_(range.status());
  end_offset_ = range->end_offset;
  if (!plan_->backwards) {
    range->until = std::min(range->until, range->end_offset);
  }
  until_ = range->until;
  AppendBytesField(message_.text(), 1, UuidBytes(partition_.topic->uuid));
  delivery_.emplace(plan_, *range);
  if (delivery_->complete()) return Answer();
  ReadChunkFrom();
}

void ReadCall::ReadChunkFrom() {
  ReadCommand command;
  command.group = partition_.group;
  command.from = delivery_->next_offset();
  command.until = until_;
  command.bytes_max =
      static_cast<size_t>(std::min<uint64_t>(chunk_bytes_, plan_->bytes_max));
  command.backwards = plan_->backwards;
  command.read_class = storage::ReadClass::kPoint;
  chunk_bytes_ = std::min(chunk_bytes_ * 4, kChunkBytesMax);
  context_.node->Read(std::move(command), [self = shared_from_this()](
                                              absl::StatusOr<ReadChunk> chunk) {
    self->context_.pool->Post([self, chunk = std::move(chunk)]() mutable {
      self->OnChunk(std::move(chunk));
    });
  });
}

absl::StatusOr<bool> ReadCall::Deliver(const storage::StoredEntry& entry) {
  absl::StatusOr<DeliveryStep> step = delivery_->Next(entry);
  if (!step.ok()) return step.status();
  if (step->batch.has_value()) {
    const size_t bytes = BytesFieldSize(2, step->batch->bytes());
    if (message_bytes_ > 0 && message_bytes_ + bytes > kResponseBytesMax) {
      return false;
    }
    message_bytes_ += bytes;
    AppendBatchField(*step->batch, kCopiedBytesMax, &message_);
    context_.stats->delivered_batches.fetch_add(1, std::memory_order_relaxed);
    context_.stats->delivered_records.fetch_add(step->records,
                                                std::memory_order_relaxed);
    context_.stats->delivered_bytes.fetch_add(step->payload_bytes,
                                              std::memory_order_relaxed);
  }
  delivery_->Take(*step);
  return true;
}

void ReadCall::OnChunk(absl::StatusOr<ReadChunk> chunk) {
  if (!chunk.ok()) return done_(chunk.status());
  const Offset before = delivery_->next_offset();
  end_offset_ = std::max(end_offset_, chunk->end_offset);
  if (chunk->gap_until.has_value()) {
    gap_.emplace();
    gap_->set_first_offset(before.value());
    gap_->set_next_offset(chunk->gap_until->value());
    delivery_->SkipTo(*chunk->gap_until);
  }
  for (const storage::StoredEntry& entry : chunk->entries) {
    if (delivery_->complete()) return Answer();
    scanned_bytes_ += entry.payload.bytes();
    absl::StatusOr<bool> fits = Deliver(entry);
    // What stands before a damaged batch is delivered first.
    if (!fits.ok() && message_bytes_ == 0) return done_(fits.status());
    if (!fits.ok() || !*fits) return Answer();
  }
  if (!delivery_->complete()) delivery_->SkipTo(chunk->next_offset);
  if (delivery_->complete() || delivery_->next_offset() == before ||
      message_bytes_ >= kResponseBytesMax / 2 ||
      scanned_bytes_ >= kScannedBytesMax) {
    return Answer();
  }
  ReadChunkFrom();
}

void ReadCall::Answer() {
  std::string* text = message_.text();
  AppendVarintField(text, 3, delivery_->next_offset().value());
  AppendVarintField(text, 4, end_offset_.value());
  if (gap_.has_value()) AppendBytesField(text, 5, gap_->SerializeAsString());
  done_(ByteBufferOf(std::move(message_)));
}

}  // namespace kappa::server
