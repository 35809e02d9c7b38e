# Asks the test program PROGRAM for its suites and writes them to LIST as tests of ctest, with PROPERTIES and with the variables
# of ENVIRONMENT, name=value between bars.
execute_process(COMMAND ${PROGRAM} --gtest_list_tests OUTPUT_VARIABLE output RESULT_VARIABLE code)
if(NOT code EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} --gtest_list_tests: ${code}\n${output}")
endif()
# A line of a suite begins in the first column and ends in a dot, or goes on with its type behind "  #".
string(REGEX MATCHALL "(^|\n)[A-Za-z_][A-Za-z_0-9/]*\\." suites "${output}")
if(NOT suites)
  message(FATAL_ERROR "${PROGRAM} has no tests:\n${output}")
endif()
string(REPLACE "|" ";" environment "${ENVIRONMENT}")
set(text "")
foreach(suite IN LISTS suites)
  string(STRIP "${suite}" suite)
  string(REGEX REPLACE "\\.$" "" test "${NAME}.${suite}")
  string(APPEND text "add_test([==[${test}]==] [==[${PROGRAM}]==] [==[--gtest_filter=${suite}*]==])\n"
                     "set_tests_properties([==[${test}]==] PROPERTIES ${PROPERTIES}\n"
                     "  ENVIRONMENT [==[${environment}]==])\n")
endforeach()
file(WRITE ${LIST} "${text}")
