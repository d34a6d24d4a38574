//! `quarterdeck story`: plays a story through the public API of a running server, as portals and
//! other systems would, and says what happened when. What the outside world does (a customer pays,
//! the market moves, a provider fails) goes through the counterparties' own pages and switches.

mod alex;
mod checks;
mod flagged;
pub mod http;
mod money;
pub mod paper;
pub mod people;
mod sse;

use crate::cli::StoryArgs;
use http::Http;
use qd_kernel::{Class, Problem, Result};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// A story's step that did not go as it should, in a sentence.
pub type Played<T> = std::result::Result<T, String>;

const STORIES: [(&str, &str); 7] = [
    ("alex", "a German lead becomes a client, trades, and takes his money out again"),
    (
        "flagged-kyc",
        "one applicant is stopped by the rules, the simple one beside him is live in seconds",
    ),
    (
        "five-checks",
        "verification, withdrawal log, block, live report, sales: each passes or fails",
    ),
    (
        "lost-callback",
        "the card payment succeeds and nobody is told: the money arrives all the same",
    ),
    ("double-callback", "the same callback many times, and a forged one: one effect"),
    (
        "platform-refuses",
        "paid, and the platform refuses: the money waits in sight and a person sends it again",
    ),
    (
        "platform-silent",
        "paid, and the platform's answer is lost: asked about, never sent twice",
    ),
];

pub async fn run(args: StoryArgs) -> Result<ExitCode> {
    if args.name == "list" {
        for (name, what) in STORIES {
            println!("{name:<18} {what}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let Some((name, what)) = STORIES.iter().find(|s| s.0 == args.name) else {
        return Err(Problem::new(
            Class::Invalid,
            "story_unknown",
            format!("no story is called {}; `quarterdeck story list` names them", args.name),
        ));
    };
    let base = args.url.trim_end_matches('/').to_string();
    let sandbox = args
        .sandbox
        .unwrap_or_else(|| format!("{base}/sandbox"))
        .trim_end_matches('/')
        .to_string();
    let mut play = Play::new(&base, &sandbox, args.password.as_deref())?;
    println!("{name}: {what}\n");
    let ended = match *name {
        "alex" => alex::play(&mut play).await,
        "flagged-kyc" => flagged::play(&mut play).await,
        "five-checks" => checks::play(&mut play).await,
        "lost-callback" => money::lost_callback(&mut play).await,
        "double-callback" => money::double_callback(&mut play).await,
        "platform-refuses" => money::platform_refuses(&mut play).await,
        _ => money::platform_silent(&mut play).await,
    };
    let ms = play.begun.elapsed().as_millis();
    match ended {
        Ok(()) => {
            println!("\n{} steps in {ms} ms, all as they should be", play.steps);
            Ok(ExitCode::SUCCESS)
        }
        Err(why) => {
            println!("FAIL {:>6} ms  {}\n       {why}", play.step.elapsed().as_millis(), play.title);
            println!("\nfailed after {} steps and {ms} ms", play.steps);
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Tells one run from another: six capitals that only grow.
fn run_code() -> String {
    let env = qd_kernel::Env::system();
    env.entropy.code(6)
}

/// A story being played.
pub struct Play {
    pub api: Http,
    /// The counterparties.
    pub world: Http,
    pub password: String,
    /// In names and addresses, so that a story can be played again.
    pub run: String,
    begun: Instant,
    step: Instant,
    title: String,
    steps: u32,
    quiet: bool,
}

impl Play {
    pub fn new(base: &str, sandbox: &str, password: Option<&str>) -> Result<Play> {
        Ok(Play {
            api: Http::new(base)?,
            world: Http::new(sandbox)?,
            password: password.unwrap_or(qd_app::demo::PASSWORD).to_string(),
            run: run_code(),
            begun: Instant::now(),
            step: Instant::now(),
            title: String::new(),
            steps: 0,
            quiet: false,
        })
    }

    /// For a server that is killed meanwhile: calls are sent again with the same key until they
    /// are answered, and steps are not printed.
    pub fn patient(mut self) -> Play {
        self.api.patience = Duration::from_secs(60);
        self.quiet = true;
        self
    }

    /// From here until [`ok`](Self::ok), failures are this step's.
    pub fn step(&mut self, title: impl Into<String>) {
        self.title = title.into();
        self.step = Instant::now();
    }

    pub fn ok(&mut self, what: impl std::fmt::Display) {
        self.steps += 1;
        if self.quiet {
            return;
        }
        println!("  ok {:>6} ms  {}: {what}", self.step.elapsed().as_millis(), self.title);
    }
}

/// Asks again and again until there is an answer; `what` is what was waited for in vain.
pub async fn until<T, F>(what: &str, secs: u64, mut ask: F) -> Played<T>
where
    F: AsyncFnMut() -> Played<Option<T>>,
{
    let begun = Instant::now();
    let mut pause = Duration::from_millis(20);
    loop {
        if let Some(t) = ask().await? {
            return Ok(t);
        }
        if begun.elapsed() > Duration::from_secs(secs) {
            return Err(format!("waited {secs} s in vain for {what}"));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(Duration::from_millis(500));
    }
}

pub fn expect(holds: bool, what: impl FnOnce() -> String) -> Played<()> {
    if holds { Ok(()) } else { Err(what()) }
}
