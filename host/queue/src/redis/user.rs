//! The Redis user of a job, who reaches its keys and nothing else. For the operator.

use arena_model::Digest;
use redis::{Cmd, Value, cmd};

use super::{Again, RedisQueue, Request, Result, permits, script};
use crate::{JobId, QueueError};

/// What the scripts call, and what it takes to run one and to know the server.
const COMMANDS: &[&str] = &[
    "+bitfield",
    "+bitfield_ro",
    "+bitpos",
    "+eval",
    "+evalsha",
    "+getbit",
    "+hdel",
    "+hexists",
    "+hget",
    "+hincrby",
    "+hlen",
    "+hmget",
    "+hscan",
    "+hset",
    "+info",
    "+pexpire",
    "+ping",
    "+sadd",
    "+script|load",
    "+set",
    "+sismember",
    "+smembers",
    "+srem",
    "+strlen",
    "+time",
    "+unlink",
    "+zadd",
    "+zcard",
    "+zrange",
    "+zrangebyscore",
    "+zrem",
    "+zremrangebyscore",
];

impl RedisQueue {
    /// Name of a job's user.
    pub fn job_user(job: &JobId) -> String {
        format!("arena-job-{job}")
    }

    /// Makes the job's user, or sets its password and rights anew: it reaches its job, and the limits of the providers with
    /// these names ([`crate::RedisPermits`]), which others share. A server without an ACL file forgets its users
    /// when it restarts: call this again then.
    ///
    /// # Errors
    /// [`QueueError::Refused`] if the queue's own user may not, and as every call.
    pub async fn create_job_user(&self, job: &JobId, password: &str, permits: &[&str]) -> Result<()> {
        let mut command = cmd("ACL");
        // The digest, so that the password stands in no log of the server.
        let password = format!("#{}", Digest::of(password.as_bytes()).hex());
        command.arg("SETUSER").arg(Self::job_user(job)).arg(&["reset", "on"]).arg(password);
        command.arg(format!("~{}*", script::prefix(job)));
        for name in permits {
            command.arg(format!("~{}*", permits::prefix(&JobId::new(*name)?)));
        }
        command.arg("-@all").arg(COMMANDS);
        self.command(&command).await?;
        self.save_users().await
    }

    /// Takes the job's user away and closes its connections. Idempotent.
    ///
    /// # Errors
    /// As [`RedisQueue::create_job_user`].
    pub async fn delete_job_user(&self, job: &JobId) -> Result<()> {
        self.command(cmd("ACL").arg("DELUSER").arg(Self::job_user(job))).await?;
        self.save_users().await
    }

    /// Whether the job's user is there.
    ///
    /// # Errors
    /// As [`RedisQueue::create_job_user`].
    pub async fn has_job_user(&self, job: &JobId) -> Result<bool> {
        Ok(self.command(cmd("ACL").arg("GETUSER").arg(Self::job_user(job))).await? != Value::Nil)
    }

    async fn command(&self, command: &Cmd) -> Result<Value> {
        self.links.send(Again::Yes, &Request::Command(command)).await
    }

    async fn save_users(&self) -> Result<()> {
        match self.command(cmd("ACL").arg("SAVE")).await {
            // The server keeps its users in memory alone.
            Err(QueueError::ServerFailed { why }) if why.contains("not configured to use an ACL file") => Ok(()),
            answer => answer.map(|_| ()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::COMMANDS;

    /// A script that may not run a command ends in the middle.
    #[test]
    fn the_user_may_run_what_the_scripts_call_and_no_more() {
        let texts = [
            include_str!("lua/cancel.lua"),
            include_str!("lua/claim.lua"),
            include_str!("lua/clock.lua"),
            include_str!("lua/commit.lua"),
            include_str!("lua/create.lua"),
            include_str!("lua/fail.lua"),
            include_str!("lua/finalize.lua"),
            include_str!("lua/finish.lua"),
            include_str!("lua/head.lua"),
            include_str!("lua/heartbeat.lua"),
            include_str!("lua/last.lua"),
            include_str!("lua/page.lua"),
            include_str!("lua/permit_ask.lua"),
            include_str!("lua/permit_end.lua"),
            include_str!("lua/reassert.lua"),
            include_str!("lua/reclaim.lua"),
            include_str!("lua/register.lua"),
            include_str!("lua/release.lua"),
            include_str!("lua/seal.lua"),
            include_str!("lua/snapshot.lua"),
        ];
        let called: BTreeSet<_> = texts
            .into_iter()
            .flat_map(|text| text.split("redis.call(").skip(1))
            .map(|call| call.strip_prefix('\'').and_then(|call| call.split_once('\'')).expect("names its command").0)
            .map(|name| format!("+{}", name.to_lowercase()))
            .collect();
        let around = ["+eval", "+evalsha", "+info", "+ping", "+script|load"];
        let granted: BTreeSet<_> =
            COMMANDS.iter().filter(|command| !around.contains(command)).map(|&command| command.to_owned()).collect();
        assert_eq!(granted, called);
    }
}
