//! `arena view`: who may see a report, and when it ends.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use arena_e2e::World;
use rustix::process::{Pid, Signal, kill_process};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server in a process of its own; dropping it kills it.
struct View {
    child: Child,
    port: u16,
}

impl View {
    fn start(world: &World, arguments: &[&str]) -> Result<Self> {
        let mut child = world.command(arguments)?.stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
        let port = line.split_once("http://127.0.0.1:").and_then(|(_, rest)| rest.split_once('/')?.0.parse().ok());
        let Some(port) = port else {
            child.kill()?;
            bail!("no address in {line:?}");
        };
        Ok(Self { child, port })
    }

    /// Head and body of an answer.
    fn ask(&self, method: &str, path: &str, host: &str) -> Result<(String, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no end of the head")?;
        Ok((head.to_owned(), body.to_owned()))
    }

    fn get(&self, path: &str) -> Result<(String, String)> {
        self.ask("GET", path, &format!("127.0.0.1:{}", self.port))
    }
}

impl Drop for View {
    fn drop(&mut self) {
        // It may have ended, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn finished() -> Result<World> {
    let mut world = World::new()?;
    world
        .bundle
        .says("m", "ok")?
        .checks("s", serde_json::json!([{"type": "contains", "params": {"patterns": ["ok"]}}]));
    world.run(&[])?;
    Ok(world)
}

#[test]
fn the_report_is_served_to_this_machine_until_ctrl_c() -> Result<()> {
    let world = finished()?;
    let mut view = View::start(&world, &["view", "out"])?;
    let page = std::fs::read_to_string(world.path("out/report.html"))?;
    for path in ["/", "/report.html", "/report.html?x=1"] {
        let (head, body) = view.get(path)?;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(head.contains("content-type: text/html; charset=utf-8"), "{head}");
        assert!(head.contains("content-security-policy: default-src 'none'; script-src"), "{head}");
        assert!(head.contains("frame-ancestors 'none'") && head.contains("nosniff"), "{head}");
        assert_eq!(body, page);
    }
    assert_eq!(view.get("/summary.json")?.1, std::fs::read_to_string(world.path("out/summary.json"))?);
    let (head, body) = view.ask("HEAD", "/", &format!("localhost:{}", view.port))?;
    assert!(head.contains(&format!("content-length: {}", page.len())) && body.is_empty(), "{head}");
    let id = i32::try_from(view.child.id()).ok().and_then(Pid::from_raw).context("no process id")?;
    kill_process(id, Signal::INT)?;
    assert_eq!(view.child.wait()?.code(), Some(0));
    Ok(())
}

#[test]
fn other_names_other_files_and_other_methods_are_refused() -> Result<()> {
    let world = finished()?;
    std::os::unix::fs::symlink("/etc/hostname", world.path("out/junit.xml.new"))?;
    std::fs::rename(world.path("out/junit.xml.new"), world.path("out/junit.xml"))?;
    let view = View::start(&world, &["view", "out"])?;
    for host in ["evil.example", "127.0.0.1", "127.0.0.1:1", "", "localhost.evil.example"] {
        let (head, body) = view.ask("GET", "/", host)?;
        assert!(head.starts_with("HTTP/1.1 421"), "{host}: {head}");
        assert!(!body.contains("<html"), "{body}");
    }
    for path in [
        "/bundle",
        "/bundle/config.arena.yaml",
        "/lock",
        "/..%2fetc/passwd",
        "/../etc/passwd",
        "/segments/",
        "/junit.xml",
    ] {
        let (head, _) = view.get(path)?;
        assert!(head.starts_with("HTTP/1.1 404"), "{path}: {head}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let (head, _) = view.ask(method, "/", &format!("127.0.0.1:{}", view.port))?;
        assert!(head.starts_with("HTTP/1.1 405"), "{method}: {head}");
    }
    Ok(())
}

#[test]
fn a_stopped_run_is_shown_as_far_as_it_came() -> Result<()> {
    let world = finished()?;
    // As after Ctrl-C: no index, a journal, and what was made aside.
    std::fs::create_dir(world.path("out/partial"))?;
    for name in ["report.html", "summary.json"] {
        std::fs::rename(world.path("out").join(name), world.path("out/partial").join(name))?;
    }
    std::fs::write(world.path("out/journal.jsonl"), "")?;
    let index = world.path("out/index.json");
    std::fs::rename(&index, world.path("index.json"))?;
    let view = View::start(&world, &["view", "out"])?;
    assert_eq!(view.get("/")?.1, std::fs::read_to_string(world.path("out/partial/report.html"))?);
    // A finished one that lost its report is not shown by an old one.
    drop(view);
    std::fs::rename(world.path("index.json"), &index)?;
    world.arena(&["view", "out"])?.code(2)?.says("error[ReportMissing]")?;
    Ok(())
}

#[test]
fn what_cannot_be_shown_is_said() -> Result<()> {
    let world = finished()?;
    world.arena(&["view", "bundle"])?.code(2)?.says("error[NotARun]")?;
    let view = View::start(&world, &["view", "out"])?;
    world.arena(&["view", "out", "--port", &view.port.to_string()])?.code(2)?.says("error[PortTaken]")?;
    std::fs::remove_file(world.path("out/report.html"))?;
    world.arena(&["view", "out"])?.code(2)?.says("error[ReportMissing]")?;
    Ok(())
}
