#!/usr/bin/env python3
"""The hook .githooks/commit-msg refuses the messages that it is there to refuse, in a repository of its own."""

import pathlib
import subprocess
import tempfile
import unittest

HOOKS = pathlib.Path(__file__).resolve().parents[2] / ".githooks"


class CommitMessage(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.git("init", "--quiet")
        self.git("config", "core.hooksPath", str(HOOKS))

    def git(self, *arguments):
        who = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
        return subprocess.run(["git", "-C", self.root, *who, *arguments], capture_output=True, text=True)

    def commit(self, message, file):
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(message)
        self.git("add", file)
        return self.git("commit", "--message", message)

    def test_a_good_message_passes(self):
        self.assertEqual(self.commit("core: says more\n\nWhy: because.\n", "src/core/error.h").returncode, 0)
        self.assertEqual(self.commit("docs: " + 66 * "x", "docs/a.md").returncode, 0)

    def test_a_long_subject_is_refused(self):
        result = self.commit("docs: " + 67 * "x", "docs/a.md")
        self.assertEqual(result.returncode, 1)
        self.assertIn("73 characters", result.stderr)

    def test_a_change_of_the_program_needs_a_body(self):
        for message in ("core: says more", "core: says more\n\n# a comment\n"):
            result = self.commit(message, "src/core/error.h")
            self.assertEqual(result.returncode, 1)
            self.assertIn("body", result.stderr)

    def test_a_body_stands_apart_from_the_subject(self):
        result = self.commit("docs: says more\nand more", "docs/a.md")
        self.assertEqual(result.returncode, 1)
        self.assertIn("must be empty", result.stderr)

    def test_what_git_will_fold_passes(self):
        self.assertEqual(self.commit("fixup! core: says more", "src/core/error.h").returncode, 0)


if __name__ == "__main__":
    unittest.main()
