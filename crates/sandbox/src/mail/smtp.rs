//! The SMTP side: enough of RFC 5321 for any library, no encryption, everybody may send.

use super::Mail;
use crate::Shared;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

/// The largest message taken, in bytes.
pub const MAX_MESSAGE: usize = 10 * 1024 * 1024;
const MAX_LINE: usize = 16 * 1024;
const MAX_RECIPIENTS: usize = 1_000;
const IDLE: Duration = Duration::from_secs(300);

pub async fn listen(listener: TcpListener, mail: Arc<Mail>, shared: Arc<Shared>) {
    let mut stop = shared.stopping();
    loop {
        let accepted = tokio::select! {
            a = listener.accept() => a,
            _ = stop.wait_for(|s| *s) => return,
        };
        match accepted {
            Ok((stream, _)) => {
                let (mail, mut stop) = (mail.clone(), stop.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        r = talk(stream, &mail) => if let Err(e) = r { tracing::debug!(error = %e, "mail session ended") },
                        _ = stop.wait_for(|s| *s) => {}
                    }
                });
            }
            Err(e) => {
                tracing::debug!(error = %e, "accept failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

#[derive(Default)]
struct Envelope {
    from: Option<String>,
    to: Vec<String>,
}

enum Line {
    Text(String),
    TooLong,
    End,
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin>(stream: S, mail: &Mail) -> std::io::Result<()> {
    let mut io = BufReader::new(stream);
    say(&mut io, "220 sandbox.quarterdeck ESMTP ready").await?;
    let mut env = Envelope::default();
    loop {
        let line = match tokio::time::timeout(IDLE, read_line(&mut io)).await {
            Err(_) => return say(&mut io, "421 4.4.2 idle too long").await,
            Ok(l) => l?,
        };
        let text = match line {
            Line::End => return Ok(()),
            Line::TooLong => {
                say(&mut io, "500 5.5.2 line too long").await?;
                continue;
            }
            Line::Text(t) => t,
        };
        let (verb, rest) = text.split_once(' ').unwrap_or((&text, ""));
        match verb.to_uppercase().as_str() {
            "EHLO" => {
                env = Envelope::default();
                let size = format!("250-SIZE {MAX_MESSAGE}");
                for l in [
                    "250-sandbox.quarterdeck",
                    size.as_str(),
                    "250-8BITMIME",
                    "250-SMTPUTF8",
                    "250-PIPELINING",
                    "250-ENHANCEDSTATUSCODES",
                    "250 AUTH PLAIN LOGIN",
                ] {
                    io.write_all(l.as_bytes()).await?;
                    io.write_all(b"\r\n").await?;
                }
                io.flush().await?;
            }
            "HELO" => {
                env = Envelope::default();
                say(&mut io, "250 sandbox.quarterdeck").await?;
            }
            "AUTH" => auth(&mut io, rest).await?,
            "MAIL" => match path(rest, "FROM:") {
                None => say(&mut io, "501 5.5.4 expected MAIL FROM:<address>").await?,
                Some(_) if env.from.is_some() => say(&mut io, "503 5.5.1 sender already given").await?,
                Some(_) if declared_size(rest) > MAX_MESSAGE => say(&mut io, "552 5.3.4 message too big").await?,
                Some(a) => {
                    env.from = Some(a);
                    say(&mut io, "250 2.1.0 ok").await?;
                }
            },
            "RCPT" => match path(rest, "TO:").filter(|a| !a.is_empty()) {
                _ if env.from.is_none() => say(&mut io, "503 5.5.1 MAIL first").await?,
                None => say(&mut io, "501 5.5.4 expected RCPT TO:<address>").await?,
                Some(_) if env.to.len() >= MAX_RECIPIENTS => say(&mut io, "452 4.5.3 too many recipients").await?,
                Some(a) => {
                    env.to.push(a);
                    say(&mut io, "250 2.1.5 ok").await?;
                }
            },
            "DATA" => {
                if env.from.is_none() || env.to.is_empty() {
                    say(&mut io, "503 5.5.1 MAIL and RCPT first").await?;
                    continue;
                }
                say(&mut io, "354 end with a line holding a single dot").await?;
                match data(&mut io).await? {
                    None => say(&mut io, "552 5.3.4 message too big").await?,
                    Some(raw) => {
                        let Envelope { from, to } = std::mem::take(&mut env);
                        match mail.keep(from.unwrap_or_default(), to, &raw) {
                            Ok(id) => say(&mut io, &format!("250 2.0.0 kept as {id}")).await?,
                            Err(e) => {
                                tracing::error!(error = %e, "a caught mail could not be kept");
                                say(&mut io, "451 4.3.0 try again").await?;
                            }
                        }
                    }
                }
                env = Envelope::default();
            }
            "RSET" => {
                env = Envelope::default();
                say(&mut io, "250 2.0.0 ok").await?;
            }
            "NOOP" => say(&mut io, "250 2.0.0 ok").await?,
            "VRFY" => say(&mut io, "252 2.5.0 cannot verify, will take it").await?,
            "HELP" => say(&mut io, "214 2.0.0 EHLO HELO AUTH MAIL RCPT DATA RSET NOOP QUIT").await?,
            "QUIT" => return say(&mut io, "221 2.0.0 bye").await,
            "STARTTLS" => say(&mut io, "502 5.5.1 no TLS here").await?,
            _ => say(&mut io, "500 5.5.2 unknown command").await?,
        }
    }
}

async fn say<S: AsyncRead + AsyncWrite + Unpin>(io: &mut BufReader<S>, line: &str) -> std::io::Result<()> {
    io.write_all(format!("{line}\r\n").as_bytes()).await?;
    io.flush().await
}

async fn read_line<S: AsyncRead + AsyncWrite + Unpin>(io: &mut BufReader<S>) -> std::io::Result<Line> {
    let mut out = Vec::new();
    if !bytes_line(io, &mut out, MAX_LINE).await? {
        return Ok(if out.is_empty() { Line::End } else { Line::TooLong });
    }
    Ok(Line::Text(String::from_utf8_lossy(&out).trim_end_matches(['\r', '\n']).to_string()))
}

/// Reads up to and with the next line feed into `out`, keeping at most `cap` bytes of it. `false`
/// at the end of the stream (`out` is then empty or a cut line) or when the line was longer.
async fn bytes_line<S: AsyncRead + AsyncWrite + Unpin>(io: &mut BufReader<S>, out: &mut Vec<u8>, cap: usize) -> std::io::Result<bool> {
    let mut whole = true;
    loop {
        let chunk = io.fill_buf().await?;
        if chunk.is_empty() {
            return Ok(false);
        }
        let (take, done) = match chunk.iter().position(|b| *b == b'\n') {
            Some(i) => (i + 1, true),
            None => (chunk.len(), false),
        };
        let room = cap.saturating_sub(out.len());
        if take > room {
            whole = false;
        }
        out.extend_from_slice(&chunk[..take.min(room)]);
        io.consume(take);
        if done {
            return Ok(whole);
        }
    }
}

/// The message with stuffed dots removed; `None` when it was too big (it is read to its end).
async fn data<S: AsyncRead + AsyncWrite + Unpin>(io: &mut BufReader<S>) -> std::io::Result<Option<Vec<u8>>> {
    let (mut message, mut line, mut too_big) = (Vec::new(), Vec::new(), false);
    loop {
        line.clear();
        let read = tokio::time::timeout(IDLE, bytes_line(io, &mut line, MAX_MESSAGE)).await;
        match read {
            Err(_) => return Err(std::io::Error::new(std::io::ErrorKind::TimedOut, "no end of data")),
            Ok(r) => {
                if !r? {
                    if line.len() < MAX_MESSAGE {
                        return Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "cut off inside DATA"));
                    }
                    too_big = true;
                }
            }
        }
        if line == b".\r\n" || line == b".\n" {
            return Ok((!too_big).then_some(message));
        }
        let content = if line.starts_with(b".") { &line[1..] } else { &line[..] };
        if too_big || message.len() + content.len() > MAX_MESSAGE {
            too_big = true;
            message.clear();
        } else {
            message.extend_from_slice(content);
        }
    }
}

/// `FROM:<a@b> SIZE=1` gives `a@b`.
fn path(rest: &str, word: &str) -> Option<String> {
    let head = rest.get(..word.len()).filter(|h| h.eq_ignore_ascii_case(word))?;
    let after = rest[head.len()..].trim_start();
    match after.strip_prefix('<') {
        Some(inner) => inner.find('>').map(|i| inner[..i].to_string()),
        None => after.split(' ').next().filter(|a| !a.is_empty()).map(str::to_string),
    }
}

fn declared_size(rest: &str) -> usize {
    rest.split(' ')
        .filter_map(|p| p.to_uppercase().strip_prefix("SIZE=").and_then(|n| n.parse().ok()))
        .next()
        .unwrap_or(0)
}

/// Any name and password will do.
async fn auth<S: AsyncRead + AsyncWrite + Unpin>(io: &mut BufReader<S>, rest: &str) -> std::io::Result<()> {
    let (how, initial) = rest.split_once(' ').unwrap_or((rest, ""));
    let asks: &[&str] = match (how.to_uppercase().as_str(), initial.is_empty()) {
        ("PLAIN", true) => &["334 "],
        ("PLAIN", false) => &[],
        ("LOGIN", true) => &["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"],
        ("LOGIN", false) => &["334 UGFzc3dvcmQ6"],
        _ => return say(io, "504 5.5.4 PLAIN or LOGIN").await,
    };
    for ask in asks {
        say(io, ask).await?;
        match read_line(io).await? {
            Line::Text(t) if t == "*" => return say(io, "501 5.7.0 cancelled").await,
            Line::Text(_) => {}
            _ => return say(io, "500 5.5.2 line too long").await,
        }
    }
    say(io, "235 2.7.0 welcome").await
}
