#include "server/rpc/watch_stream.h"

#include <utility>
#include <vector>

#include "kappa/v1/cluster_service.pb.h"
#include "server/cluster_changes.h"
#include "server/errors.h"
#include "server/rpc/byte_buffers.h"
#include "server/rpc/grpc_status.h"

namespace kappa::server {

WatchStream* WatchStream::Start(const RpcContext& context,
                                ClusterStatus* status,
                                const grpc::ByteBuffer& bytes) {
  auto stream = std::make_shared<WatchStream>(context, status);
  context.streams->Add(stream);
  v1::WatchClusterRequest request;
  if (absl::Status legal = ParseRequest(bytes, &request); !legal.ok()) {
    stream->EndWith(ToGrpcStatus(legal));
  } else {
    stream->Look();
  }
  return stream.get();  // LiveStreams keeps it until OnDone
}

void WatchStream::Look() {
  status_->Observe(
      [self = shared_from_this()](absl::StatusOr<ClusterObservation> seen) {
        // Comparing is no work for a shard's thread.
        self->context_.pool->Post([self, seen = std::move(seen)]() mutable {
          self->OnSeen(std::move(seen));
        });
      });
}

void WatchStream::OnSeen(absl::StatusOr<ClusterObservation> seen) {
  if (!seen.ok()) {
    // A queue that is full says nothing of the cluster: the next look may find
    // room. A node that ends has told this stream already.
    MutexLock lock(&mutex_);
    looking_ = false;
  } else {
    const bool initial = !before_.has_value();
    std::vector<v1::ClusterChange> changes =
        ChangesSince(initial ? nullptr : &*before_, *seen);
    MutexLock lock(&mutex_);
    for (size_t at = 0; at < changes.size();) {
      v1::WatchClusterResponse response;
      response.set_node_id(seen->self.value());
      response.set_time_us(seen->time_us);
      response.set_initial(initial);
      while (at < changes.size() && response.changes_size() < kChangesMax) {
        *response.add_changes() = std::move(changes[at++]);
      }
      ready_.push_back(ByteBufferOf(response));
    }
    before_ = *std::move(seen);
    looking_ = false;
  }
  Pump();
}

void WatchStream::StartOperations() {
  bool write = false;
  bool look = false;
  std::optional<grpc::Status> finish;
  {
    MutexLock lock(&mutex_);
    if (finished_) return;
    if (end_.has_value()) {
      ready_.clear();
      if (!writing_) {
        finished_ = true;
        finish = *end_;
      }
    } else if (!writing_ && !ready_.empty()) {
      write_ = std::move(ready_.front());
      ready_.pop_front();
      writing_ = write = true;
    } else if (!writing_ && !looking_) {
      looking_ = look = true;
    }
  }
  if (write) StartWrite(&write_);
  if (look) {
    context_.pool->PostAt(context_.clock->MonotonicUs() + kLookPeriodUs,
                          [self = shared_from_this()] { self->Look(); });
  }
  if (finish.has_value()) Finish(*finish);
}

void WatchStream::OnWriteDone(bool ok) {
  {
    MutexLock lock(&mutex_);
    writing_ = false;
    write_.Clear();
  }
  if (ok) return Pump();
  EndWith(grpc::Status::CANCELLED);
}

void WatchStream::EndWith(const grpc::Status& status) {
  {
    MutexLock lock(&mutex_);
    if (!end_.has_value()) end_ = status;
  }
  Pump();
}

void WatchStream::BeginShutdown() {
  EndWith(ToGrpcStatus(MakeError(v1::ERROR_REASON_SHUTTING_DOWN,
                                 "watch: the node is shutting down")));
}

}  // namespace kappa::server
