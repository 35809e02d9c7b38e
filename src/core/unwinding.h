#pragma once
// Tells a destructor whether it runs because an exception is on its way. Such a destructor must not
// wait for other ranks or threads: they may wait for this rank, and the cause has not been printed.

#include <exception>

namespace bbg::core {

// A member of the object that asks; counts what was on its way when the object was made.
class Unwinding {
 public:
  bool is_under_way() const { return std::uncaught_exceptions() > at_start_; }

 private:
  int at_start_ = std::uncaught_exceptions();
};

}  // namespace bbg::core
