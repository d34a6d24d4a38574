//! The commands and what they take. The texts are what `--help` shows.

use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Parser)]
#[command(
    name = "quarterdeck",
    version,
    about = "A CRM for forex and CFD brokers, in one program.",
    after_help = "Start with `quarterdeck demo`."
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// The demo brokerage: counterparties inside, months of business, sign-ins for every role.
    #[command(
        after_help = "Example:\n  QD_LISTEN=127.0.0.1:9000 QD_DATA=/tmp/demo quarterdeck demo\n\nStays in the foreground; Ctrl-C stops it. The next start finds its data again."
    )]
    Demo(DemoArgs),
    /// A node: the HTTP API and, unless worker.concurrency is 0, the workers.
    #[command(
        after_help = "Example:\n  quarterdeck serve --config quarterdeck.toml\n\nSIGTERM and Ctrl-C let requests and jobs under way finish."
    )]
    Serve(ConfigArgs),
    /// A node that only works: jobs and events, no HTTP.
    #[command(after_help = "Example:\n  quarterdeck worker --config quarterdeck.toml")]
    Worker(ConfigArgs),
    /// Brings the database to this program's version.
    #[command(after_help = "Example:\n  quarterdeck migrate --config quarterdeck.toml")]
    Migrate(ConfigArgs),
    /// Only the counterparties: trade servers, card processor, mail catcher, fault switches.
    #[command(after_help = "Example:\n  quarterdeck sandbox --listen 127.0.0.1:8090 --data ./sandbox --hook-base http://127.0.0.1:8080")]
    Sandbox(SandboxArgs),
    /// Starting data: entities, brands, rules, staff; with --sandbox also simulated business.
    #[command(
        after_help = "Examples:\n  quarterdeck seed --config quarterdeck.toml --admin anna@broker.example\n  quarterdeck seed --config quarterdeck.toml --demo --sandbox ./sandbox --clients 300\n\nCan be interrupted and started again: it goes on where it was. A sandbox that uses the\nfolder must not be running meanwhile."
    )]
    Seed(SeedArgs),
    /// Recomputes audit chain, ledger and statement hashes; one line per fault, exit 1 if any.
    #[command(
        after_help = "Example:\n  quarterdeck verify --config quarterdeck.toml --checkpoints /mnt/elsewhere/checkpoints.jsonl\n\nWorks beside a running server."
    )]
    Verify(VerifyArgs),
    /// Looks for what is wrong, and says what to do about it.
    #[command(
        after_help = "Example:\n  quarterdeck doctor --config quarterdeck.toml\n\nOne line each: ok, warn or fail. Exit 1 when something fails."
    )]
    Doctor(ConfigArgs),
    /// Reads the configuration and the secrets it names, and starts nothing.
    #[command(
        name = "check-config",
        after_help = "Example:\n  quarterdeck check-config --config quarterdeck.toml"
    )]
    CheckConfig(ConfigArgs),
    /// Reads data of another system. Nothing can be imported yet.
    #[command(
        after_help = "Example:\n  quarterdeck import --help\n\nThere is no importer in this version. Clients and accounts can be created through the API\n(POST /api/v1/leads, /api/v1/register)."
    )]
    Import(ImportArgs),
    /// Writes data in documented formats.
    #[command(
        after_help = "Example:\n  quarterdeck export journal --config quarterdeck.toml --from 2026-01-01 --to 2026-02-01 > january.journal\n\nThe journal is what this version exports; it is text for hledger and ledger. A client's file is\nGET /api/v1/clients/{id}/file."
    )]
    Export(ExportArgs),
    /// Measures, each figure beside its baseline of the same run; JSON lines.
    #[command(
        after_help = "Examples:\n  make bench ARGS=\"ledger callback\"\n  quarterdeck bench --full view list search\n\nFigures on PostgreSQL need QD_TEST_PG (make bench starts a server). docs/benchmarks.md explains\neach figure."
    )]
    #[cfg(feature = "bench")]
    Bench(BenchArgs),
    /// Plays a story through the public API of a running server; exit 1 when a step fails.
    #[command(
        after_help = "Examples:\n  quarterdeck story alex --url http://127.0.0.1:8080\n  quarterdeck story lost-callback --url http://127.0.0.1:8080\n\nNeeds a server with the demo's staff and a sandbox (`quarterdeck demo`)."
    )]
    Story(StoryArgs),
    /// Commission plans from files alone.
    #[command(
        subcommand,
        after_help = "Example:\n  quarterdeck commissions preview --plan plan.json --events events.json\n  quarterdeck commissions schema plan"
    )]
    Commissions(CommissionsCommand),
}

impl Command {
    pub fn is_service(&self) -> bool {
        matches!(self, Command::Serve(_) | Command::Worker(_) | Command::Sandbox(_))
    }
}

#[derive(Args, Clone)]
pub struct ConfigArgs {
    /// The configuration file. Default: $QD_CONFIG, ./quarterdeck.toml, or the demo's in $QD_DATA.
    #[arg(long, value_name = "FILE", env = "QD_CONFIG")]
    pub config: Option<PathBuf>,
}

#[derive(Args)]
pub struct DemoArgs {
    /// Where to listen.
    #[arg(long, value_name = "ADDR", env = "QD_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// The data folder.
    #[arg(long, value_name = "DIR", env = "QD_DATA", default_value = "./data")]
    pub data: PathBuf,
    /// Clients in the simulated past; 0 starts with an empty house.
    #[arg(long, value_name = "N", env = "QD_SEED_CLIENTS", default_value_t = 2_000)]
    pub clients: u32,
    /// Days of simulated past.
    #[arg(long, value_name = "N", env = "QD_SEED_DAYS", default_value_t = 180)]
    pub days: u32,
    /// Another number, another past; the same number, the same.
    #[arg(long, value_name = "N", env = "QD_SEED", default_value_t = 1)]
    pub seed: u64,
    /// No traders that trade by themselves while the demo runs.
    #[arg(long, env = "QD_QUIET_MARKET")]
    pub quiet_market: bool,
}

#[derive(Args)]
pub struct SandboxArgs {
    /// Where to listen.
    #[arg(long, value_name = "ADDR", env = "QD_SANDBOX_LISTEN", default_value = "127.0.0.1:8090")]
    pub listen: SocketAddr,
    /// Folder of the books; without it they live in memory.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Where webhooks go.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub hook_base: String,
    /// No traders that trade by themselves.
    #[arg(long)]
    pub quiet_market: bool,
    /// Trade servers and mail take any free port, rather than 8443 to 8445 and 2525.
    #[arg(long)]
    pub any_port: bool,
}

#[derive(Args)]
pub struct SeedArgs {
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Makes a Super admin with this address and prints the link to set the password.
    #[arg(long, value_name = "EMAIL")]
    pub admin: Option<String>,
    /// The demo's entities, brands, rules and staff (all with the demo's password).
    #[arg(long)]
    pub demo: bool,
    /// Also simulated business, written into the books in this sandbox folder too.
    #[arg(long, value_name = "DIR", requires = "demo")]
    pub sandbox: Option<PathBuf>,
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pub clients: u32,
    #[arg(long, value_name = "N", default_value_t = 180)]
    pub days: u32,
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

#[derive(Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    pub config: ConfigArgs,
    /// A file of checkpoints kept elsewhere: the chain must still pass through each.
    #[arg(long, value_name = "FILE")]
    pub checkpoints: Option<PathBuf>,
    /// Further public keys (64 hex digits) whose checkpoints count.
    #[arg(long, value_name = "HEX")]
    pub key: Vec<String>,
}

#[derive(Args)]
pub struct ImportArgs {
    /// What to import.
    pub what: Option<String>,
}

#[derive(Args)]
pub struct ExportArgs {
    #[command(subcommand)]
    pub what: ExportWhat,
}

#[derive(Subcommand)]
pub enum ExportWhat {
    /// The ledger as an hledger journal, on standard output.
    Journal {
        #[command(flatten)]
        config: ConfigArgs,
        /// First value date, YYYY-MM-DD.
        #[arg(long, value_name = "DATE")]
        from: Option<String>,
        /// The day after the last value date, YYYY-MM-DD.
        #[arg(long, value_name = "DATE")]
        to: Option<String>,
    },
}

#[cfg(feature = "bench")]
#[derive(Args)]
pub struct BenchArgs {
    /// Figures to measure; all when none is named.
    pub names: Vec<String>,
    /// Clients in the measured database (default 60,000; 300,000 with --full).
    #[arg(long, value_name = "N")]
    pub clients: Option<u32>,
    /// The agreed sizes and repetitions: takes a good part of an hour.
    #[arg(long, conflicts_with = "smoke")]
    pub full: bool,
    /// Tiny sizes: shows that every figure can be taken, says nothing about speed.
    #[arg(long)]
    pub smoke: bool,
    /// Also the clean build (N13), in a target folder of its own: ten minutes.
    #[arg(long)]
    pub build: bool,
}

#[derive(Args)]
pub struct StoryArgs {
    /// alex, flagged-kyc, five-checks, lost-callback, double-callback, platform-refuses; `list` names them.
    pub name: String,
    /// The running server.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// Where the counterparties are; default: URL/sandbox.
    #[arg(long, value_name = "URL")]
    pub sandbox: Option<String>,
    /// The demo staff's password.
    #[arg(long, value_name = "TEXT", env = "QD_STORY_PASSWORD")]
    pub password: Option<String>,
}

#[derive(Subcommand)]
pub enum CommissionsCommand {
    /// Closes a month of an entity's partners: checklist, statements, sums, payouts that could follow.
    Close {
        #[command(flatten)]
        config: ConfigArgs,
        /// `2026-03`.
        #[arg(long, value_name = "MONTH")]
        month: String,
        #[arg(long, value_name = "CODE")]
        entity: String,
        /// An item of the checklist that does not block and is left as it is. May be repeated.
        #[arg(long, value_name = "ITEM")]
        accept: Vec<String>,
        /// Why, when something is accepted.
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// The lines a plan would make of events, with their explanations.
    Preview {
        #[arg(long, value_name = "FILE")]
        plan: PathBuf,
        #[arg(long, value_name = "FILE")]
        events: PathBuf,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Works a month's deals out anew from stored facts and prints what differs from what is booked.
    Recompute {
        #[command(flatten)]
        config: ConfigArgs,
        /// By value date, UTC.
        #[arg(long, value_name = "YYYY-MM")]
        month: String,
        /// Prepares a correction of the differences, which a person decides.
        #[arg(long)]
        apply: bool,
    },
    /// What a plan would have cost on deals of the past, beside the plans of the time. Books nothing.
    Simulate {
        #[command(flatten)]
        config: ConfigArgs,
        #[arg(long, value_name = "FILE")]
        plan: PathBuf,
        /// First value date, YYYY-MM-DD.
        #[arg(long, value_name = "DATE")]
        from: String,
        /// The day after the last value date, YYYY-MM-DD.
        #[arg(long, value_name = "DATE")]
        to: String,
        /// Who would be on the plan; may be given several times.
        #[arg(long, value_name = "ID", required_unless_present = "on_plan")]
        partner: Vec<String>,
        /// Everybody who was on this plan.
        #[arg(long, value_name = "ID", conflicts_with = "partner")]
        on_plan: Option<String>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// The whole partner module as files: tree, plans, shares, deals, lines, statements, payouts.
    #[command(
        after_help = "Example:\n  quarterdeck commissions export --out ./partners-2026-11\n\nWorks beside a running server: all of it is one state. crates/domain/partners/docs/export-format.md\ndescribes the files. They hold names and bank details of partners, and of clients only numbers."
    )]
    Export {
        #[command(flatten)]
        config: ConfigArgs,
        /// A folder that is empty or not there yet.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Only partners of this entity and what hangs on them.
        #[arg(long, value_name = "CODE")]
        entity: Option<String>,
    },
    /// Takes such files into an empty copy and says whether everything is as it was; exit 1 if not.
    #[command(
        after_help = "Example:\n  quarterdeck commissions import --in ./partners-2026-11 --dry-run\n  quarterdeck commissions import --in ./partners-2026-11\n\nInterrupted, it goes on where it was when it is said again. No server should run meanwhile."
    )]
    Import {
        #[command(flatten)]
        config: ConfigArgs,
        #[arg(long = "in", value_name = "DIR")]
        from: PathBuf,
        /// Checks the files and the database, writes nothing.
        #[arg(long)]
        dry_run: bool,
        /// CSV with the heading from,to: clients' numbers here instead of theirs there.
        #[arg(long, value_name = "FILE")]
        client_map: Option<PathBuf>,
    },
    /// The JSON schema of the two files.
    Schema {
        /// `plan` or `events`.
        what: String,
    },
}
