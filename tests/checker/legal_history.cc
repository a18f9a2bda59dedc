#include "tests/checker/legal_history.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace kappa::checker {
namespace {

constexpr uint64_t kBatchRecordsMax = 4;
constexpr uint64_t kReadRecordsMax = 30;

bool Reads(const Event& invoke) {
  return invoke.kind == OperationKind::kRead ||
         invoke.kind == OperationKind::kReplay;
}

}  // namespace

LegalHistory::LegalHistory(const LegalHistoryOptions& options)
    : options_(options),
      random_(options.seed),
      with_digests_(random_.Percent(50)) {
  for (size_t i = 0; i < options_.partitions; ++i) {
    logs_.emplace_back(absl::StrCat("t/", i));
  }
  clients_.resize(options_.clients);
  for (size_t i = 0; i < options_.clients; ++i) {
    Client& client = clients_[i];
    client.process = processes_++;
    client.last_sequence.resize(options_.partitions);
    client.unsettled.resize(options_.partitions);
    if (i % 2 == 0) client.producer = absl::StrCat("producer-", i);
    Schedule(now_us_ + random_.Between(0, 500), Step::kStart, i);
  }
}

std::vector<Event> LegalHistory::Run() {
  while (!due_.empty()) {
    const auto [time_us, number, step, which] = due_.top();
    due_.pop();
    now_us_ = time_us;
    const size_t begun = pending_.size();
    switch (step) {
      case Step::kStart:
        Start(which);
        break;
      case Step::kEffect:
        TakeEffect(which);
        break;
      case Step::kPart:
        DeliverPart(which);
        break;
      case Step::kReturn:
        Return(which);
        break;
    }
    const auto passed = [&](size_t percent) {
      const size_t at = options_.operations * percent / 100;
      return begun < at && pending_.size() >= at;
    };
    if (passed(25)) Mark(EventType::kFault);
    if (passed(50)) Mark(EventType::kHeal);
  }
  AddFinals();
  SetProgress();
  return std::move(events_);
}

void LegalHistory::Schedule(int64_t time_us, Step step, size_t which) {
  due_.emplace(time_us, numbers_++, step, which);
}

void LegalHistory::Mark(EventType type) {
  faulty_ = type == EventType::kFault;
  Event mark;
  mark.type = type;
  mark.time_us = now_us_;
  mark.what = faulty_ ? "slow network" : "none";
  events_.push_back(std::move(mark));
}

std::vector<std::string> LegalHistory::NewValues() {
  std::vector<std::string> values(1 + random_.Below(kBatchRecordsMax));
  for (std::string& value : values) value = absl::StrCat("v", values_++);
  return values;
}

void LegalHistory::Start(size_t client) {
  if (pending_.size() >= options_.operations) return;
  const uint64_t draw = random_.Below(100);
  const bool produces = !clients_[client].producer.empty();
  if (produces && (clients_[client].epoch == 0 || draw < 4)) {
    StartOpening(client);
  } else if (draw < 60) {
    StartAppends(client);
  } else if (draw < 80) {
    StartRead(client, false);
  } else if (draw < 87) {
    StartRead(client, true);
  } else {
    Event invoke;
    invoke.kind = OperationKind::kEndOffset;
    invoke.committed = random_.Percent(30);
    Begin(client, random_.Below(options_.partitions), std::move(invoke), true);
  }
}

void LegalHistory::StartOpening(size_t client) {
  Event invoke;
  invoke.kind = OperationKind::kOpenProducer;
  invoke.producer = clients_[client].producer;
  for (const ModelLog& log : logs_) {
    if (random_.Percent(80)) invoke.partitions.push_back(log.name());
  }
  Begin(client, 0, std::move(invoke), true);
}

void LegalHistory::StartAppends(size_t client) {
  const size_t partition = random_.Below(options_.partitions);
  if (!clients_[client].producer.empty()) {
    StartProduced(client, partition);
    return;
  }
  Event invoke;
  if (random_.Percent(40)) {
    invoke.kind = OperationKind::kConditionalAppend;
    invoke.expected = logs_[partition].end();
    if (random_.Percent(20)) invoke.expected = random_.Below(100);
  }
  invoke.values = NewValues();
  Begin(client, partition, std::move(invoke), true);
}

void LegalHistory::StartProduced(size_t client, size_t partition) {
  Client& self = clients_[client];
  std::map<uint64_t, Unsettled>& unsettled = self.unsettled[partition];
  std::vector<Event> invokes;
  for (const auto& [sequence, batch] : unsettled) {
    if (!batch.under_way) invokes.push_back(batch.invoke);
  }
  const size_t window = 1 + random_.Below(3);
  while (invokes.size() < window) {
    Event invoke;
    if (random_.Percent(10)) {
      invoke.kind = OperationKind::kConditionalAppend;
      invoke.expected = logs_[partition].end();
    }
    invoke.producer = self.producer;
    invoke.sequence = ++self.last_sequence[partition];
    invoke.values = NewValues();
    invokes.push_back(std::move(invoke));
  }
  for (size_t i = 0; i < invokes.size(); ++i) {
    Event& invoke = invokes[i];
    // Repeated without the condition, which may have ceased to hold.
    if (unsettled.contains(*invoke.sequence)) {
      invoke.kind = OperationKind::kAppend;
      invoke.expected.reset();
    }
    invoke.epoch = self.epoch;
    unsettled[*invoke.sequence] = {invoke, true};
    Begin(client, partition, std::move(invoke), i + 1 == invokes.size());
  }
}

void LegalHistory::StartRead(size_t client, bool replay) {
  const size_t partition = random_.Below(options_.partitions);
  const Client& self = clients_[client];
  Event invoke;
  invoke.kind = replay ? OperationKind::kReplay : OperationKind::kRead;
  invoke.committed = random_.Percent(40);
  if (self.positions.contains(partition) && random_.Percent(60)) {
    invoke.resume = true;
  } else if (random_.Percent(80)) {
    invoke.from =
        random_.Percent(40) ? 0 : random_.Below(logs_[partition].end() + 2);
  }
  Begin(client, partition, std::move(invoke), true);
  Pending& pending = pending_.back();
  pending.read_from = pending.invoke.resume
                          ? self.positions.at(partition)
                          : pending.invoke.from.value_or(
                                random_.Below(logs_[partition].end() + 1));
}

LegalHistory::Plan LegalHistory::DrawPlan(OperationKind kind) {
  const uint64_t draw = random_.Below(faulty_ ? 40 : 100);
  Plan plan = Plan::kOk;
  if (draw < 6) {
    plan = Plan::kFail;
  } else if (draw < 10) {
    plan = Plan::kNever;
  } else if (draw < 14) {
    plan = Plan::kUnknown;
  } else if (draw < 16) {
    plan = Plan::kLate;
  } else if (draw < 17) {
    plan = Plan::kDies;
  }
  const bool reads = kind == OperationKind::kRead ||
                     kind == OperationKind::kReplay ||
                     kind == OperationKind::kEndOffset;
  if (reads && plan == Plan::kLate) plan = Plan::kUnknown;
  return plan;
}

void LegalHistory::Begin(size_t client, size_t partition, Event invoke,
                         bool awaited) {
  invoke.type = EventType::kInvoke;
  invoke.op = pending_.size();
  invoke.time_us = now_us_;
  invoke.process = clients_[client].process;
  invoke.node = absl::StrCat(1 + random_.Below(options_.nodes));
  if (invoke.kind != OperationKind::kOpenProducer) {
    invoke.partition = logs_[partition].name();
  }
  if (with_digests_) {
    invoke.digests.clear();
    for (const std::string& value : invoke.values) {
      invoke.digests.push_back(absl::StrCat("d-", value));
    }
  }
  Pending pending;
  pending.client = client;
  pending.partition = partition;
  pending.awaited = awaited;
  pending.plan = DrawPlan(invoke.kind);
  // In a window only the last one may end its client.
  if (!awaited && pending.plan == Plan::kDies) pending.plan = Plan::kOk;
  events_.push_back(invoke);
  pending.invoke = std::move(invoke);
  pending_.push_back(std::move(pending));
  ScheduleOperation(pending_.size() - 1);
}

void LegalHistory::ScheduleOperation(size_t op) {
  const Plan plan = pending_[op].plan;
  int64_t effect_us = now_us_ + random_.Between(1, 2000);
  int64_t return_us = effect_us + random_.Between(1, 2000);
  if (pending_[op].invoke.kind == OperationKind::kReplay) {
    for (int64_t left = random_.Between(0, 3); left > 0; --left) {
      return_us += random_.Between(1, 3000);
      if (plan == Plan::kOk) {
        Schedule(return_us - 1, Step::kPart, op);
      }
    }
  }
  if (plan == Plan::kLate) effect_us = return_us + random_.Between(1, 20'000);
  const bool changes = !Reads(pending_[op].invoke) && plan != Plan::kFail &&
                       plan != Plan::kNever;
  if (plan == Plan::kOk || changes) Schedule(effect_us, Step::kEffect, op);
  Schedule(return_us, Step::kReturn, op);
}

void LegalHistory::TakeEffect(size_t op) {
  Pending& pending = pending_[op];
  Event answer = Apply(&pending);
  if (pending.plan == Plan::kOk) pending.answer = std::move(answer);
}

Event LegalHistory::Apply(Pending* pending) {
  const Event& invoke = pending->invoke;
  ModelLog& log = logs_[pending->partition];
  Event answer;
  answer.type = EventType::kOk;
  switch (invoke.kind) {
    case OperationKind::kAppend:
    case OperationKind::kConditionalAppend:
      answer = log.Append(invoke, now_us_);
      if (random_.Percent(50)) answer.chain.reset();
      if (random_.Percent(30)) answer.append_time_us.reset();
      if (invoke.producer && random_.Percent(5)) {
        answer.offset.reset();
        answer.append_time_us.reset();
        answer.chain.reset();
      }
      return answer;
    case OperationKind::kRead:
    case OperationKind::kReplay:
      return ApplyRead(pending);
    case OperationKind::kEndOffset: {
      uint64_t end = log.end();
      if (invoke.committed && random_.Percent(50)) {
        end = log.BatchEndBefore(random_.Below(end + 1));
      }
      answer.end = end;
      if (random_.Percent(50)) answer.chain = log.ChainAt(end);
      return answer;
    }
    case OperationKind::kOpenProducer:
      answer.epoch = ++epochs_[*invoke.producer];
      for (ModelLog& each : logs_) {
        if (std::count(invoke.partitions.begin(), invoke.partitions.end(),
                       each.name()) != 0) {
          each.Fence(*invoke.producer, *answer.epoch);
        }
      }
      return answer;
  }
  return answer;
}

Event LegalHistory::ApplyRead(Pending* pending) {
  const ModelLog& log = logs_[pending->partition];
  uint64_t end = log.end();
  if (pending->invoke.committed && random_.Percent(50)) {
    end = log.BatchEndBefore(random_.Below(end + 1));
  }
  Event answer;
  answer.type = EventType::kOk;
  if (random_.Percent(70)) answer.end = end;
  if (pending->read_from > end) {
    answer.type = EventType::kFail;
    answer.reason = "OFFSET_OUT_OF_RANGE";
    return answer;
  }
  const uint64_t to =
      std::min(end, pending->read_from + 1 + random_.Below(kReadRecordsMax));
  answer.batches = log.Deliver(pending->read_from, to, random_.Percent(30));
  if (pending->invoke.kind == OperationKind::kReplay) {
    answer.type = EventType::kPart;
    answer.end.reset();
    pending->read_from = to;
  }
  return answer;
}

void LegalHistory::DeliverPart(size_t op) {
  Pending& pending = pending_[op];
  if (!pending.answer || pending.answer->type == EventType::kFail) return;
  Event part = ApplyRead(&pending);
  if (part.type != EventType::kPart) return;
  std::swap(part, *pending.answer);
  part.op = op;
  part.time_us = now_us_;
  part.node = absl::StrCat(1 + random_.Below(options_.nodes));
  MovePosition(pending, part);
  events_.push_back(std::move(part));
}

void LegalHistory::Return(size_t op) {
  Pending& pending = pending_[op];
  const size_t client = pending.client;
  const bool awaited = pending.awaited;
  if (pending.plan == Plan::kDies) {
    Die(client);
    return;
  }
  Event answer;
  if (pending.plan == Plan::kOk) {
    answer = std::move(*pending.answer);
    if (answer.type == EventType::kPart) answer.type = EventType::kOk;
    answer.node = absl::StrCat(1 + random_.Below(options_.nodes));
  } else if (pending.plan == Plan::kFail) {
    answer.type = EventType::kFail;
    answer.reason = "OVERLOADED";
  } else {
    answer.type = EventType::kUnknown;
    answer.reason = "OUTCOME_UNKNOWN";
  }
  answer.op = op;
  answer.time_us = now_us_;
  MovePosition(pending, answer);
  Settle(pending, answer);
  events_.push_back(std::move(answer));
  if (awaited) {
    Schedule(now_us_ + random_.Between(0, 1000), Step::kStart, client);
  }
}

void LegalHistory::Settle(const Pending& pending, const Event& answer) {
  Client& client = clients_[pending.client];
  const Event& invoke = pending.invoke;
  const bool ok = answer.type == EventType::kOk;
  if (invoke.kind == OperationKind::kOpenProducer) {
    if (ok) client.epoch = *answer.epoch;
    return;
  }
  if (!invoke.producer) return;
  std::map<uint64_t, Unsettled>& unsettled =
      client.unsettled[pending.partition];
  const auto batch = unsettled.find(*invoke.sequence);
  if (batch == unsettled.end()) return;
  if (ok) {
    unsettled.erase(batch);
    return;
  }
  batch->second.under_way = false;
  if (answer.reason == "PRODUCER_FENCED") client.epoch = 0;
}

void LegalHistory::MovePosition(const Pending& pending, const Event& answer) {
  if (!Reads(pending.invoke)) return;
  std::map<size_t, uint64_t>& positions = clients_[pending.client].positions;
  if (!answer.batches.empty()) {
    const EventBatch& last = answer.batches.back();
    positions[pending.partition] = last.offset + last.values.size();
  } else if (pending.invoke.from) {
    // The first answer decides; parts have moved it since.
    if (answer.type != EventType::kPart &&
        pending.read_from == *pending.invoke.from) {
      positions[pending.partition] = *pending.invoke.from;
    }
  } else if (!pending.invoke.resume &&
             pending.invoke.kind == OperationKind::kRead) {
    positions.erase(pending.partition);
  }
}

void LegalHistory::Die(size_t client) {
  Client& self = clients_[client];
  self.process = processes_++;
  self.positions.clear();
  self.epoch = 0;
  for (auto& unsettled : self.unsettled) {
    for (auto& [sequence, batch] : unsettled) batch.under_way = false;
  }
  Schedule(now_us_ + random_.Between(0, 3000), Step::kStart, client);
}

void LegalHistory::AddFinals() {
  for (const ModelLog& log : logs_) {
    for (size_t node = 1; node <= options_.nodes; ++node) {
      const bool with_chains = random_.Percent(50);
      uint64_t next = 0;
      do {
        const uint64_t to = random_.Percent(50)
                                ? log.end()
                                : next + random_.Below(log.end() - next + 1);
        Event final;
        final.type = EventType::kFinal;
        final.time_us = now_us_ + 1;
        final.node = absl::StrCat(node);
        final.partition = log.name();
        final.batches = log.Deliver(next, to, with_chains);
        next = to;
        if (to == log.end()) {
          final.end = to;
          final.chain = log.ChainAt(to);
        }
        events_.push_back(std::move(final));
      } while (next < log.end());
    }
  }
}

void LegalHistory::SetProgress() {
  const auto heal = std::find_if(
      events_.begin(), events_.end(),
      [](const Event& event) { return event.type == EventType::kHeal; });
  if (heal == events_.end()) return;
  int64_t within_us = 1;
  for (const ModelLog& log : logs_) {
    int64_t first_us = now_us_ + 1;
    for (auto event = heal; event != events_.end(); ++event) {
      if (event->type != EventType::kOk) continue;
      const Event& invoke = pending_[event->op].invoke;
      if (invoke.partition != log.name() || invoke.values.empty()) continue;
      first_us = event->time_us;
      break;
    }
    within_us = std::max(within_us, first_us - heal->time_us);
  }
  heal->within_us = within_us;
}

}  // namespace kappa::checker
