//! The load: a small HTTP/1.1 client over kept connections, on a thread of its own, so that its
//! share of the processor can be told from the server's.

use qd_kernel::{Problem, Result};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Makes the request with a running number, whole: head and body.
pub type Make = Arc<dyn Fn(u64) -> Vec<u8> + Send + Sync>;

/// What a round came to.
#[derive(Clone, Debug, Default)]
pub struct Round {
    pub answers: u64,
    pub seconds: f64,
    /// Of the client's thread alone.
    pub load_cpu_s: f64,
    /// Of the whole process, client included.
    pub cpu_s: f64,
    /// Milliseconds from the last byte sent to the last byte read.
    pub waits_ms: Vec<f64>,
}

impl Round {
    pub fn rate(&self) -> f64 {
        self.answers as f64 / self.seconds
    }
    /// Processor time of everything but the client, per answer, in milliseconds.
    pub fn server_cpu_ms(&self) -> f64 {
        (self.cpu_s - self.load_cpu_s).max(0.0) * 1_000.0 / self.answers.max(1) as f64
    }
    pub fn load_share(&self) -> f64 {
        self.load_cpu_s / self.cpu_s.max(0.001)
    }
}

/// A GET with a token.
pub fn get(path: &str, token: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\r\n").into_bytes()
}

/// A POST of a body, with further header lines (each ending in CRLF).
pub fn post(path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut out = format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{headers}\r\n",
        body.len()
    )
    .into_bytes();
    out.extend_from_slice(body);
    out
}

/// `callers` connections, each sending its next request when it has read the last answer, for
/// `how_long`. Any answer but a 2xx ends the round with its text: a fast error is no figure.
pub async fn run(to: SocketAddr, callers: usize, how_long: Duration, numbers: Arc<AtomicU64>, make: Make) -> Result<Round> {
    let (tell, hear) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("bench-load".into())
        .spawn(move || {
            let r = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|e| Problem::unavailable("threads", "no thread for the load").with_source(e))
                .and_then(|rt| tokio::task::LocalSet::new().block_on(&rt, all(to, callers, how_long, numbers, make)));
            let _ = tell.send(r);
        })
        .map_err(|e| Problem::unavailable("threads", "no thread for the load").with_source(e))?;
    hear.await
        .map_err(|_| Problem::bug("bench_load_ended", "the load's thread ended early"))?
}

async fn all(to: SocketAddr, callers: usize, how_long: Duration, numbers: Arc<AtomicU64>, make: Make) -> Result<Round> {
    let mut connections = Vec::new();
    for _ in 0..callers {
        let s = TcpStream::connect(to)
            .await
            .map_err(|e| Problem::unavailable("bench_connect", "the measured server does not listen").with_source(e))?;
        let _ = s.set_nodelay(true);
        connections.push(Connection {
            s,
            buffer: Vec::with_capacity(16 * 1024),
        });
    }
    let (mine, whole, begun) = (thread_cpu_s(), process_cpu_s(), Instant::now());
    let until = begun + how_long;
    let make = Rc::new(make);
    let tasks: Vec<_> = connections
        .into_iter()
        .map(|mut c| {
            let (make, numbers) = (make.clone(), numbers.clone());
            tokio::task::spawn_local(async move {
                let mut waits = Vec::new();
                while Instant::now() < until {
                    let request = make(numbers.fetch_add(1, Ordering::Relaxed));
                    let sent = Instant::now();
                    c.exchange(&request).await?;
                    waits.push(sent.elapsed().as_secs_f64() * 1_000.0);
                }
                Ok::<_, Problem>(waits)
            })
        })
        .collect();
    let mut out = Round::default();
    for t in tasks {
        let waits = t
            .await
            .map_err(|e| Problem::bug("bench_load_panicked", "a caller panicked").with_source(e))??;
        out.answers += waits.len() as u64;
        out.waits_ms.extend(waits);
    }
    out.seconds = begun.elapsed().as_secs_f64();
    out.load_cpu_s = thread_cpu_s() - mine;
    out.cpu_s = process_cpu_s() - whole;
    Ok(out)
}

/// One kept connection.
pub struct Connection {
    s: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub async fn open(to: SocketAddr) -> Result<Connection> {
        let s = TcpStream::connect(to)
            .await
            .map_err(|e| Problem::unavailable("bench_connect", "the measured server does not listen").with_source(e))?;
        let _ = s.set_nodelay(true);
        Ok(Connection { s, buffer: Vec::new() })
    }

    /// Sends a request and reads its answer; the body of a 2xx.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<&[u8]> {
        let lost = |e: std::io::Error| Problem::unavailable("bench_connection", "the measured server hung up").with_source(e);
        self.s.write_all(request).await.map_err(lost)?;
        self.buffer.clear();
        let (mut head, mut whole) = (0, usize::MAX);
        while self.buffer.len() < whole {
            if self.s.read_buf(&mut self.buffer).await.map_err(lost)? == 0 {
                return Err(Problem::unavailable("bench_connection", "the measured server hung up"));
            }
            if head == 0
                && let Some(end) = find(&self.buffer, b"\r\n\r\n")
            {
                head = end + 4;
                whole = head + content_length(&self.buffer[..end])?;
            }
        }
        let status = self.buffer.get(9..12).unwrap_or_default();
        if status.first() != Some(&b'2') {
            let text = String::from_utf8_lossy(&self.buffer).chars().take(600).collect::<String>();
            return Err(Problem::bug(
                "bench_refused",
                format!("the measured server answered {}", text.replace("\r\n", " | ")),
            ));
        }
        Ok(&self.buffer[head..whole])
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|w| w == what)
}

fn content_length(head: &[u8]) -> Result<usize> {
    let head = String::from_utf8_lossy(head);
    for line in head.split("\r\n").skip(1) {
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.eq_ignore_ascii_case("content-length") {
            return value
                .trim()
                .parse()
                .map_err(|_| Problem::bug("bench_answer", "an answer's length is no number"));
        }
        if name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(Problem::bug(
                "bench_answer",
                "the measured answer comes in chunks, which the load does not read",
            ));
        }
    }
    // 204 says nothing.
    Ok(0)
}

/// Nanoseconds on the processor, by the scheduler's own count.
fn thread_cpu_s() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

/// User and system time of this process, in hundredths as the kernel counts them.
pub fn process_cpu_s() -> f64 {
    cpu_of("/proc/self/stat")
}

pub fn cpu_of(stat: &str) -> f64 {
    let text = std::fs::read_to_string(stat).unwrap_or_default();
    // After the name in brackets, which may hold spaces: state is the first, utime the twelfth.
    let rest = text.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |i: usize| fields.get(i).and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}
