//! A program at work: one command a line, one answer a line.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

const TIMEOUT: Duration = Duration::from_mins(1);

/// A running program.
pub(super) struct Program {
    child: Child,
    input: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Program {
    /// Starts it; it knows what it is told and nothing else.
    pub(super) fn start(mut command: Command, told: &[(&str, String)]) -> Self {
        let mut child = command
            .env_clear()
            .envs(told.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the program starts");
        let input = child.stdin.take().expect("standard input");
        let answers = BufReader::new(child.stdout.take().expect("standard output")).lines();
        Self { child, input, answers }
    }

    /// Its answer to a command.
    pub(super) async fn ask(&mut self, command: &str) -> String {
        let line = format!("{command}\n");
        // One that has ended already has said why: the answer below tells.
        let _ = self.input.write_all(line.as_bytes()).await;
        let answer = timeout(TIMEOUT, self.answers.next_line()).await;
        let answer = answer.unwrap_or_else(|_| panic!("no answer in time to {command}"));
        answer.expect("UTF-8").unwrap_or_else(|| panic!("it ended at {command}"))
    }

    /// What it says after `ok`.
    pub(super) async fn succeeds(&mut self, command: &str) -> String {
        let answer = self.ask(command).await;
        let told = answer.strip_prefix("ok ");
        told.unwrap_or_else(|| panic!("{command}: {answer}")).to_owned()
    }

    /// Tells it to end, and sees that it does.
    pub(super) async fn quit(mut self) {
        self.input.write_all(b"quit\n").await.expect("written");
        let ended = timeout(TIMEOUT, self.child.wait()).await.expect("an end in time");
        assert!(ended.expect("an end").success());
    }
}
