#pragma once
// A thread that looks at a library now and then, when it is asked to. Who asks goes on without it
// where a look takes too long, and so does the destructor: the thread is left behind then, so a
// look owns all that it uses, or its owner waits until it is over (set).

#include <chrono>
#include <functional>
#include <memory>
#include <thread>

namespace bbg::comm {

class Lookout {
 public:
  // `patience`: the longest wait for a look that is under way when it is replaced or no more
  // wanted.
  explicit Lookout(std::chrono::milliseconds patience);
  ~Lookout();
  Lookout(const Lookout&) = delete;
  Lookout& operator=(const Lookout&) = delete;

  // Called instead of the one before; null: no more calls. True: no call of the one before is under
  // way. False: one does not come back. Not from a look.
  bool set(std::function<void()> look);
  // Has the library looked at, and returns when that is done, or after `limit`, or when the lookout
  // ends. Returns at once where there has never been a look to call.
  void ask(std::chrono::milliseconds limit);
  // Makes ask() return at once from here on. From any thread.
  void end();

 private:
  struct State;
  const std::chrono::milliseconds patience_;
  std::shared_ptr<State> state_;  // shared with the thread, which may outlive this object
  std::thread thread_;
};

}  // namespace bbg::comm
