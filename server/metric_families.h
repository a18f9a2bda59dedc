// MetricFamilies: a list of Prometheus metric families under construction.
#ifndef KAPPA_SERVER_METRIC_FAMILIES_H_
#define KAPPA_SERVER_METRIC_FAMILIES_H_

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "prometheus/client_metric.h"
#include "prometheus/metric_family.h"
#include "storage/distribution.h"

namespace kappa::server {

using MetricLabels = std::vector<prometheus::ClientMetric::Label>;

// One value with an optional label ("name", "value").
struct MetricSample {
  double value = 0;
  std::string label_name;
  std::string label_value;
};

// Thread safety: thread-compatible.
class MetricFamilies {
 public:
  void Counter(std::string name, std::string help, double value) {
    Counters(std::move(name), std::move(help), {MetricSample{value, "", ""}});
  }
  void Gauge(std::string name, std::string help, double value) {
    Gauges(std::move(name), std::move(help), {MetricSample{value, "", ""}});
  }
  void Counters(std::string name, std::string help,
                const std::vector<MetricSample>& samples) {
    Add(std::move(name), std::move(help), prometheus::MetricType::Counter,
        samples);
  }
  void Gauges(std::string name, std::string help,
              const std::vector<MetricSample>& samples) {
    Add(std::move(name), std::move(help), prometheus::MetricType::Gauge,
        samples);
  }

  // `counts` in units of which `per_unit` are one of the metric's.
  void Histogram(std::string name, std::string help,
                 const storage::DistributionCounts& counts, double per_unit) {
    prometheus::ClientMetric metric;
    uint64_t count = 0;
    for (size_t i = 0; i < counts.counts.size(); ++i) {
      count += counts.counts[i];
      const double bound =
          i < counts.bounds.size()
              ? static_cast<double>(counts.bounds[i]) / per_unit
              : std::numeric_limits<double>::infinity();
      metric.histogram.bucket.push_back({count, bound});
    }
    metric.histogram.sample_count = count;
    metric.histogram.sample_sum = static_cast<double>(counts.sum) / per_unit;
    families_.push_back({std::move(name),
                         std::move(help),
                         prometheus::MetricType::Histogram,
                         {std::move(metric)}});
  }
  // With several labels each.
  using LabelledSamples = std::vector<std::pair<MetricLabels, double>>;
  void LabelledGauges(std::string name, std::string help,
                      const LabelledSamples& samples) {
    AddLabelled(std::move(name), std::move(help), prometheus::MetricType::Gauge,
                samples);
  }
  void LabelledCounters(std::string name, std::string help,
                        const LabelledSamples& samples) {
    AddLabelled(std::move(name), std::move(help),
                prometheus::MetricType::Counter, samples);
  }

  std::vector<prometheus::MetricFamily> Take() { return std::move(families_); }

 private:
  void Add(std::string name, std::string help, prometheus::MetricType type,
           const std::vector<MetricSample>& samples) {
    prometheus::MetricFamily family{std::move(name), std::move(help), type, {}};
    for (const MetricSample& sample : samples) {
      prometheus::ClientMetric metric;
      if (!sample.label_name.empty()) {
        metric.label.push_back({sample.label_name, sample.label_value});
      }
      metric.counter.value = sample.value;
      metric.gauge.value = sample.value;
      family.metric.push_back(std::move(metric));
    }
    families_.push_back(std::move(family));
  }

  void AddLabelled(std::string name, std::string help,
                   prometheus::MetricType type,
                   const LabelledSamples& samples) {
    prometheus::MetricFamily family{std::move(name), std::move(help), type, {}};
    for (const auto& [labels, value] : samples) {
      prometheus::ClientMetric metric;
      metric.label = labels;
      metric.counter.value = value;
      metric.gauge.value = value;
      family.metric.push_back(std::move(metric));
    }
    families_.push_back(std::move(family));
  }

  std::vector<prometheus::MetricFamily> families_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_METRIC_FAMILIES_H_
