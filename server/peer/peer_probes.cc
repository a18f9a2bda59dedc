#include "server/peer/peer_probes.h"

#include <chrono>
#include <utility>

#include "server/peer/peer_channel.h"
#include "server/peer/peer_limits.h"

namespace kappa::server {

PeerProbes::PeerProbes(
    const std::vector<std::string>& addresses,
    const std::shared_ptr<grpc::ChannelCredentials>& credentials,
    const Clock* clock, int64_t timeout_us, std::function<void()> on_news)
    : clock_(clock), timeout_us_(timeout_us), on_news_(std::move(on_news)) {
  MutexLock lock(&mutex_);
  for (const std::string& address : addresses) {
    Place& place = places_.emplace_back();
    place.channel = MakePeerChannel({.address = address,
                                     .credentials = credentials,
                                     .connect_timeout_us = timeout_us,
                                     .receive_bytes_max = kPeerCallBytesMax});
    place.stub = raft::v1::PeerService::NewStub(place.channel);
  }
}

PeerProbes::~PeerProbes() {
  std::vector<std::shared_ptr<Call>> calls;
  {
    MutexLock lock(&mutex_);
    for (const Place& place : places_) {
      if (place.call != nullptr) calls.push_back(place.call);
    }
  }
  for (const std::shared_ptr<Call>& call : calls) call->context.TryCancel();
  live_.WaitForZero();
}

void PeerProbes::Ask(const raft::v1::ProbeRequest& request) {
  struct Question {
    size_t place;
    raft::v1::PeerService::Stub* stub;
    std::shared_ptr<Call> call;
  };
  std::vector<Question> questions;
  {
    MutexLock lock(&mutex_);
    for (size_t i = 0; i < places_.size(); ++i) {
      Place& place = places_[i];
      if (place.call != nullptr) continue;
      place.call = std::make_shared<Call>();
      place.call->request = request;
      place.call->asked_us = clock_->MonotonicUs();
      place.call->context.set_deadline(std::chrono::system_clock::now() +
                                       std::chrono::microseconds(timeout_us_));
      questions.push_back({i, place.stub.get(), place.call});
      live_.Add();
    }
  }
  for (Question& question : questions) {
    Call* const call = question.call.get();
    question.stub->async()->Probe(
        &call->context, &call->request, &call->response,
        [this, place = question.place,
         call = std::move(question.call)](const grpc::Status& status) mutable {
          End(place, std::move(call), status);
        });
  }
}

void PeerProbes::End(size_t place, std::shared_ptr<Call> call,
                     const grpc::Status& status) {
  {
    MutexLock lock(&mutex_);
    places_[place].call.reset();
    ProbeResult& result = places_[place].result;
    if (status.ok()) {
      result.answer = std::move(call->response);
      result.asked_us = call->asked_us;
      result.error.clear();
    } else {
      result.error = status.error_message();
    }
  }
  on_news_();
  // Before the channels may go: the call refers to one.
  call.reset();
  live_.Remove();
}

std::vector<ProbeResult> PeerProbes::results() const {
  std::vector<ProbeResult> results;
  MutexLock lock(&mutex_);
  for (const Place& place : places_) results.push_back(place.result);
  return results;
}

}  // namespace kappa::server
