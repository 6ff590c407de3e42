//! Redis: its own, with the faults that tests need.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use arena_harness::{AppendOnly, Identity, Need, Redis, RedisOptions, runs_here};

/// A connection that speaks the protocol's inline form.
struct Client(BufReader<TcpStream>);

impl Client {
    fn new(redis: &Redis, user: &str, password: &str) -> Self {
        let stream = TcpStream::connect(redis.address()).unwrap();
        let mut client = Self(BufReader::new(stream));
        assert_eq!(client.ask(&format!("AUTH {user} {password}")), "+OK");
        client
    }

    fn admin(redis: &Redis) -> Self {
        let url = redis.url();
        let password = url.split(['@', ':']).nth(2).unwrap();
        Self::new(redis, "admin", password)
    }

    /// The answer's first line, or the text of a bulk answer.
    fn ask(&mut self, command: &str) -> String {
        self.0.get_mut().write_all(format!("{command}\r\n").as_bytes()).unwrap();
        let line = self.line();
        match line.strip_prefix('$') {
            Some("-1") => "nil".to_owned(),
            Some(_) => self.line(),
            None => line,
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

#[tokio::test]
async fn two_are_apart_and_a_stranger_is_refused() {
    if !runs_here("redis: apart", &[Need::Redis]).unwrap() {
        return;
    }
    let (one, two) = tokio::try_join!(Redis::start(), Redis::start()).unwrap();
    assert_eq!(Client::admin(&one).ask("SET a 1"), "+OK");
    assert_eq!(Client::admin(&two).ask("GET a"), "nil");
    let mut stranger = Client(BufReader::new(TcpStream::connect(one.address()).unwrap()));
    assert!(stranger.ask("GET a").starts_with("-NOAUTH"));
    let (id, folder) = (one.id().unwrap(), one.log().parent().unwrap().to_owned());
    drop(one);
    assert!(Identity::of(id).is_none() && !folder.exists());
}

#[tokio::test]
async fn a_kill_loses_what_was_not_on_disk_and_no_more() {
    if !runs_here("redis: kill", &[Need::Redis]).unwrap() {
        return;
    }
    let mut forgets = Redis::start().await.unwrap();
    let append_only = AppendOnly::Always;
    let mut keeps = Redis::start_with(RedisOptions { append_only, ..RedisOptions::default() }).await.unwrap();
    for (redis, after) in [(&mut forgets, "nil"), (&mut keeps, "1")] {
        let url = redis.url();
        assert_eq!(Client::admin(redis).ask("SET a 1"), "+OK");
        // A step of two commands is kept in another way than one of one.
        let script = "redis.call('SET','b',2);return{ok=redis.call('SET','c',2).ok}";
        assert_eq!(Client::admin(redis).ask(&format!("EVAL \"{script}\" 0")), "+OK");
        redis.kill9();
        assert!(TcpStream::connect(redis.address()).is_err());
        redis.restart().await.unwrap();
        assert_eq!((redis.url(), Client::admin(redis).ask("GET a").as_str()), (url, after));
        assert_eq!(Client::admin(redis).ask("EXISTS a b c"), if after == "nil" { ":0" } else { ":3" });
    }
    keeps.restart_without_data().await.unwrap();
    assert_eq!(Client::admin(&keeps).ask("GET a"), "nil");
}

#[tokio::test]
async fn it_goes_back_to_an_older_file() {
    if !runs_here("redis: older file", &[Need::Redis]).unwrap() {
        return;
    }
    let append_only = AppendOnly::Always;
    let mut redis = Redis::start_with(RedisOptions { append_only, ..RedisOptions::default() }).await.unwrap();
    Client::admin(&redis).ask("SET a 1");
    let older = redis.copy_data().unwrap();
    Client::admin(&redis).ask("SET a 2");
    redis.restart().await.unwrap();
    assert_eq!(Client::admin(&redis).ask("GET a"), "2");
    redis.restart_with(&older).await.unwrap();
    assert_eq!(Client::admin(&redis).ask("GET a"), "1");
}

#[tokio::test]
async fn users_have_their_rules_and_a_frozen_one_is_silent() {
    if !runs_here("redis: users", &[Need::Redis]).unwrap() {
        return;
    }
    let users = vec![("job".to_owned(), "on >pw ~arena:{1}:* +get +set".to_owned())];
    let redis = Redis::start_with(RedisOptions { users, ..RedisOptions::default() }).await.unwrap();
    let mut job = Client::new(&redis, "job", "pw");
    assert_eq!(job.ask("SET arena:{1}:a 1"), "+OK");
    assert!(job.ask("GET arena:{2}:a").starts_with("-NOPERM"));
    assert!(job.ask("FLUSHALL").starts_with("-NOPERM"));

    redis.freeze();
    job.0.get_mut().set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    job.0.get_mut().write_all(b"GET arena:{1}:a\r\n").unwrap();
    assert!(job.0.read(&mut [0; 16]).is_err());
    redis.thaw();
    job.0.get_mut().set_read_timeout(None).unwrap();
    assert_eq!((job.line(), job.line()), ("$1".to_owned(), "1".to_owned()));

    let open = Redis::start_with(RedisOptions { open: true, ..RedisOptions::default() }).await.unwrap();
    let mut anyone = Client(BufReader::new(TcpStream::connect(open.address()).unwrap()));
    assert_eq!(anyone.ask("SET a 1"), "+OK");
}

/// Set in the process that `a_killed_owner_takes_it_along` starts and kills: the same test, as the owner.
const OWNER: &str = "ARENA_TEST_OWNER";

#[tokio::test]
async fn a_killed_owner_takes_it_along() {
    if !runs_here("redis: killed owner", &[Need::Redis]).unwrap() {
        return;
    }
    if std::env::var_os(OWNER).is_some() {
        let redis = Redis::start().await.unwrap();
        println!("\nredis {} {}", Identity::of(redis.id().unwrap()).unwrap(), redis.log().parent().unwrap().display());
        return std::future::pending().await;
    }
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_killed_owner_takes_it_along", "--nocapture"])
        .env(OWNER, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let line = lines.by_ref().map(Result::unwrap).find(|line| line.starts_with("redis ")).unwrap();
    let [_, redis, folder] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
    let redis: Identity = redis.parse().unwrap();
    assert!(redis.alive());
    owner.kill().unwrap();
    owner.wait().unwrap();
    let end = std::time::Instant::now() + Duration::from_secs(30);
    while redis.alive() {
        assert!(std::time::Instant::now() < end, "redis outlived its owner");
        tokio::task::yield_now().await;
    }
    // Its folder goes with the next run, which has begun before in this process; a fresh one sees to it.
    assert!(std::path::Path::new(folder).exists());
}
