#include "run/device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include "comm/self_communicator.h"
#include "core/error.h"

namespace bbg::run {
namespace {

using ::testing::HasSubstr;

ComputeOptions compute(Device device, int64_t threads = 0) {
  ComputeOptions options;
  options.device = device;
  options.threads = threads;
  return options;
}

std::vector<int> devices(const std::vector<Place>& places) {
  std::vector<int> indices;
  for (const Place& place : places)
    indices.push_back(place.device.is_cuda() ? place.device.index() : -1);
  return indices;
}
std::vector<int> threads(const std::vector<Place>& places) {
  std::vector<int> numbers;
  for (const Place& place : places) numbers.push_back(place.threads);
  return numbers;
}

TEST(Places, RanksThatSeeAllGpusOfTheirHostTakeOneEach) {
  const std::vector<std::string> gpus = {"p", "q"};
  // Ranks go around the hosts, as with srun --distribution=cyclic.
  const std::vector<Seat> seats = {
      {"a", {0}, gpus}, {"b", {0}, gpus}, {"a", {1}, gpus}, {"b", {1}, gpus}};
  const std::vector<int> expected = {0, 0, 1, 1};
  EXPECT_EQ(devices(choose_places(compute(Device::kAuto), seats)), expected);
  EXPECT_EQ(devices(choose_places(compute(Device::kCuda), seats)), expected);
  EXPECT_EQ(devices(choose_places(compute(Device::kCpu), seats)), std::vector<int>(4, -1));
}

TEST(Places, RanksToWhichTheLauncherShowsOneGpuEachTakeThat) {
  EXPECT_EQ(devices(choose_places(compute(Device::kCuda), {{"a", {0}, {"q"}}, {"a", {1}, {"p"}}})),
            (std::vector<int>{0, 0}));
  // In parts that overlap none is taken twice.
  EXPECT_EQ(devices(choose_places(compute(Device::kCuda),
                                  {{"a", {0}, {"p", "q"}}, {"a", {1}, {"p", "q", "r"}}})),
            (std::vector<int>{0, 1}));
}

TEST(Places, MoreRanksThanGpusAreRefusedWithTheWayOut) {
  // Both see the one GPU: as many as one rank each, were they counted without identity.
  const std::vector<Seat> seats = {{"b", {0}, {"r"}}, {"a", {0}, {"p"}}, {"a", {1}, {"p"}}};
  try {
    choose_places(compute(Device::kCuda), seats);
    FAIL() << "not refused";
  } catch (const core::UsageError& error) {
    const std::string text = core::message_of(error);
    EXPECT_THAT(text, HasSubstr("host a has 1 visible GPU(s) for 2 rank(s)"));
    EXPECT_THAT(text, HasSubstr("--gpus-per-node=N --gpu-bind=none"));
    EXPECT_THAT(text, HasSubstr("compute.device = cpu"));
  }
  // One rank without a GPU: all ranks compute on CPUs, also those of other hosts.
  EXPECT_EQ(devices(choose_places(compute(Device::kAuto), seats)), std::vector<int>(3, -1));
}

TEST(Places, Bfloat16IsRefusedOnGpusThatHaveNoInstructionsForIt) {
  const std::vector<Seat> seats = {
      {.host = "a", .cores = {0}, .gpus = {"p"}, .capabilities = {80}},
      {.host = "b", .cores = {0}, .gpus = {"q", "r"}, .capabilities = {75, 90}}};
  const auto check = [&](train::Precision precision, Device device) {
    check_precision(precision, seats, choose_places(compute(device), seats));
  };
  check(train::Precision::kFull, Device::kCuda);
  check(train::Precision::kBfloat16, Device::kCpu);
  try {
    check(train::Precision::kBfloat16, Device::kCuda);
    FAIL() << "not refused";
  } catch (const core::UsageError& error) {
    const std::string text = core::message_of(error);
    EXPECT_THAT(text, HasSubstr("that of rank 1 on host b has 7.5"));
    EXPECT_THAT(text, HasSubstr("set train.precision = full"));
  }
}

TEST(Places, CpuOfAHostWithGpusIsWarnedOfUnlessItWasAskedFor) {
  const auto warning = [](Device device, const std::vector<Seat>& seats) {
    return unused_gpus(compute(device), seats, choose_places(compute(device), seats));
  };
  const std::vector<Seat> two_for_one = {{"a", {0}, {"p"}, {90}, true},
                                         {"a", {1}, {"p"}, {90}, true}};
  EXPECT_THAT(
      warning(Device::kAuto, two_for_one),
      ::testing::AllOf(HasSubstr("takes the CPU, although host a has GPUs"),
                       HasSubstr("not one for each of the 2 ranks"), HasSubstr("--gpu-bind=none")));
  EXPECT_EQ(warning(Device::kCpu, two_for_one), "");
  // Built without CUDA, or CUDA_VISIBLE_DEVICES is empty.
  EXPECT_THAT(warning(Device::kAuto, {{"a", {0}, {}}, {"b", {0}, {}, {}, true}}),
              HasSubstr("host b has NVIDIA's driver"));
  EXPECT_EQ(warning(Device::kAuto, {{"a", {0}, {}}}), "");
  EXPECT_EQ(warning(Device::kAuto, {{"a", {0}, {"p"}, {90}, true}}), "");
}

TEST(Places, CoresThatRanksShareAreDividedAndNeverCountedTwice) {
  const std::vector<int> eight = {0, 1, 2, 3, 4, 5, 6, 7};
  const auto shares = [](const std::vector<Seat>& seats) {
    return threads(choose_places(compute(Device::kCpu), seats));
  };
  EXPECT_EQ(shares({{"a", eight, {}}}), (std::vector<int>{8}));
  EXPECT_EQ(shares({{"a", eight, {}}, {"a", eight, {}}, {"a", eight, {}}}),
            (std::vector<int>{2, 2, 2}));
  // The same numbers on another host are other cores.
  EXPECT_EQ(shares({{"a", eight, {}}, {"b", eight, {}}}), (std::vector<int>{8, 8}));
  // A launcher that binds has divided them already.
  EXPECT_EQ(shares({{"a", {0, 1}, {}}, {"a", {4, 5, 6}, {}}}), (std::vector<int>{2, 3}));
  // Two ranks on the same half of a host, as with --cpu-bind=socket: two cores each, not four.
  EXPECT_EQ(shares({{"a", {0, 1, 2, 3}, {}}, {"a", {0, 1, 2, 3}, {}}, {"a", {4, 5, 6, 7}, {}}}),
            (std::vector<int>{2, 2, 4}));
  // Three ranks on nine cores: three thirds of each.
  EXPECT_EQ(shares(std::vector<Seat>(3, {"a", {0, 1, 2, 3, 4, 5, 6, 7, 8}, {}})),
            (std::vector<int>{3, 3, 3}));
  // More ranks than cores: somebody must wait.
  EXPECT_EQ(shares(std::vector<Seat>(4, {"a", {0, 1}, {}})), (std::vector<int>{1, 1, 1, 1}));
}

TEST(Places, NumberOfThreadsInTheOptionsWins) {
  EXPECT_EQ(threads(choose_places(compute(Device::kCpu, 5), {{"a", {0, 1}, {}}})),
            (std::vector<int>{5}));
}

// All threads that compute are, or beside a GPU the one that feeds it.
TEST(Places, TellTheCoresOfARankAndHowManyThreadsAreBusy) {
  const std::vector<Seat> seats = {{"a", {0, 1, 2, 3}, {"p"}}, {"a", {4, 5}, {"q"}}};
  const Place on_cpu = choose_places(compute(Device::kCpu, 3), seats)[0];
  EXPECT_EQ(on_cpu.cores, 4);
  EXPECT_EQ(on_cpu.busy(), 3);
  const Place on_gpu = choose_places(compute(Device::kCuda), seats)[1];
  EXPECT_EQ(on_gpu.cores, 2);
  EXPECT_EQ(on_gpu.busy(), 1);
}

TEST(Places, OneLineSaysWhoRunsWhere) {
  const auto line = [](Device device, const std::vector<Seat>& seats) {
    return placement_text(seats, choose_places(compute(device), seats));
  };
  EXPECT_EQ(line(Device::kCpu, {{"a", {0}, {}}}),
            "1 rank on 1 host, 1 thread a rank: a rank 0 on cpu");
  EXPECT_EQ(line(Device::kAuto, {{"a", {0, 1}, {"p", "q"}},
                                 {"a", {2, 3}, {"p", "q"}},
                                 {"b", {0, 1}, {"r"}},
                                 {"b", {2, 3}, {"s"}}}),
            "4 ranks on 2 hosts, 2 threads a rank: a ranks 0-1 on cuda:0 cuda:1; "
            "b ranks 2-3 on cuda:0 cuda:0");
  EXPECT_EQ(line(Device::kCpu, {{"a", {0, 1}, {}}, {"b", {0}, {}}, {"a", {2}, {}}}),
            "3 ranks on 2 hosts: a ranks 0,2 on cpu, threads 2,1; b rank 1 on cpu, threads 1");
  std::vector<Seat> many;
  for (int i = 0; i < 20; ++i) many.push_back({"n" + std::to_string(i), {0}, {}});
  EXPECT_THAT(line(Device::kCpu, many),
              ::testing::EndsWith("; n15 rank 15 on cpu; and 4 hosts more"));
}

TEST(Places, SeatHasTheCoresOfTheBinding) {
  cpu_set_t before;
  CPU_ZERO(&before);
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  int core = 0;
  while (!CPU_ISSET(core, &before)) ++core;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(core, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  comm::SelfCommunicator self;
  const std::vector<Seat> seats = gather_seats(self);
  ASSERT_EQ(sched_setaffinity(0, sizeof before, &before), 0);
  ASSERT_EQ(seats.size(), 1u);
  EXPECT_EQ(seats[0].cores, (std::vector<int>{core}));
  EXPECT_EQ(static_cast<int>(gather_seats(self)[0].cores.size()), CPU_COUNT(&before));
}

TEST(Places, SettlingGivesThreadsTypeAndTensorFloat) {
  const int threads = at::get_num_threads();
  ComputeOptions options = compute(Device::kCpu);
  EXPECT_EQ(settle(options, {.device = at::kCPU, .threads = 3}).dtype(), at::kFloat);
  EXPECT_EQ(at::get_num_threads(), 3);
  EXPECT_TRUE(at::globalContext().allowTF32CuBLAS());
  EXPECT_TRUE(at::globalContext().allowTF32CuDNN());
  options.dtype = Dtype::kFloat64;
  options.tf32 = false;
  EXPECT_EQ(settle(options, {.device = at::kCPU, .threads = threads}).dtype(), at::kDouble);
  EXPECT_EQ(at::get_num_threads(), threads);
  EXPECT_FALSE(at::globalContext().allowTF32CuBLAS());
  EXPECT_FALSE(at::globalContext().allowTF32CuDNN());
}

TEST(OutOfGpuMemory, SaysHowMuchAndWhatHelps) {
  const c10::OutOfMemoryError error(
      {__func__, __FILE__, __LINE__},
      "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 139 GiB of "
      "which 1 GiB is free. If reserved memory is large try setting PYTORCH_ALLOC_CONF.");
  const core::UsageError clear = out_of_gpu_memory(error);
  EXPECT_EQ(std::string(clear.what()), "CUDA out of memory. Tried to allocate 2.00 GiB");
  EXPECT_THAT(clear.hint(), HasSubstr("train.accumulate"));
}

}  // namespace
}  // namespace bbg::run
