//! A trading server. Amounts are minor units in the account's currency; volumes are [`Lots`];
//! prices are integers at the symbol's digits; times are UTC, converted by the connector from the
//! server's wall clock.

use crate::CallResult;
use async_trait::async_trait;
use qd_kernel::{Amount, Currency, Lots, Secret, Ts};
use serde::{Deserialize, Serialize};

/// What a server is like, read from it (common/get, time/get on MT5).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServerInfo {
    pub name: String,
    /// The API's build as the server states it.
    pub build: String,
    pub server_time: Ts,
    /// Offset of the server's wall clock from UTC now, in minutes.
    pub utc_offset_min: i32,
    pub accounts: Option<i64>,
    pub deals: Option<i64>,
}

#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Our id of the trading account. Travels in the account's comment or id field so that an
    /// account whose creation got no answer can be found again.
    pub our_ref: String,
    pub group: String,
    pub leverage: u32,
    pub name: String,
    pub email: String,
    pub country: String,
    pub city: String,
    pub address: String,
    pub phone: String,
    pub language: String,
    pub main_password: Secret,
    pub investor_password: Secret,
}

/// May the login connect, may it trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TradeRights {
    Full,
    /// Sign in and look, no trades.
    ReadOnly,
    /// No sign-in at all.
    Blocked,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlatformAccount {
    pub login: String,
    pub group: String,
    pub currency: Currency,
    pub leverage: u32,
    pub rights: TradeRights,
    pub our_ref: Option<String>,
    pub balance_minor: i64,
    pub credit_minor: i64,
    #[serde(default)]
    pub holder: Holder,
}

/// Whom the platform says an account belongs to; empty where it does not say or our manager may
/// not see it. Personal data: not printed by `Debug`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub name: String,
    pub email: String,
    pub phone: String,
}

impl std::fmt::Debug for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Holder(***)")
    }
}

/// Where an account stands against its group's thresholds, as the platform says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarginEdge {
    MarginCall,
    StopOut,
}

/// Balance and equity at one moment. `read_at` is our clock when the answer came.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccountState {
    pub login: String,
    pub currency: Currency,
    pub balance_minor: i64,
    pub credit_minor: i64,
    pub equity_minor: i64,
    pub margin_minor: i64,
    pub free_margin_minor: i64,
    pub floating_minor: i64,
    pub read_at: Ts,
    /// None: above both thresholds, or the platform does not say.
    #[serde(default)]
    pub edge: Option<MarginEdge>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MoneyKind {
    /// Deposit (+) and withdrawal (-).
    Balance,
    /// Credit, cannot be withdrawn.
    Credit,
    Correction,
}

/// The code of a refused withdrawal whose login has not enough free margin: the one refusal that
/// every connector says in the same word, because a client is told of it.
pub const NO_FREE_MARGIN: &str = "insufficient_free_margin";

/// One movement of money on a login. `token` is unique for ever, at most 20 characters of
/// `[A-Z0-9-]`, and travels atomically with the money.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MoneyOp {
    pub login: String,
    pub kind: MoneyKind,
    /// Signed.
    pub amount: Amount,
    pub token: String,
    /// Refuse a withdrawal above the free margin.
    pub check_margin: bool,
    /// When we first decided to send it: where a look-up starts.
    pub since: Ts,
}

/// Proof that a money operation happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoneyReceipt {
    pub ticket: String,
    pub amount_minor: i64,
    pub at: Option<Ts>,
}

/// What a look-up by token found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// None, and the server answered plainly.
    Nothing,
    One(MoneyReceipt),
    /// Booked more than once: an exception for a person.
    Several(Vec<MoneyReceipt>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DealSide {
    Buy,
    Sell,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DealEntry {
    In,
    Out,
    InOut,
    OutBy,
}

/// What the deal is, beyond trades: the same stream carries money operations and cancellations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DealKind {
    Trade,
    /// A trade that the server cancelled afterwards (MT5 actions 13 and 14).
    CancelledTrade,
    Balance,
    Credit,
    /// Charge, correction, bonus, commission, interest, dividend, tax…
    Other,
}

/// One deal as the feed delivers it. The same ticket may come again with other content: an edit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deal {
    pub ticket: String,
    pub login: String,
    pub kind: DealKind,
    pub side: DealSide,
    pub entry: DealEntry,
    /// Technical deals (rollover, migration, split…) pay no commission.
    pub technical: bool,
    /// The platform's own word for the reason, for display: `client`, `stop_loss`, `migration`…
    pub reason: String,
    pub symbol: String,
    pub volume: Lots,
    /// The part of `volume` that closed a position (0 for In).
    pub volume_closed: Lots,
    /// Units in one lot, at deal time.
    pub contract_size: i64,
    /// Decimals of the price.
    pub digits: u8,
    /// Integers at `digits`.
    pub price: i64,
    pub price_position: i64,
    pub bid: Option<i64>,
    pub ask: Option<i64>,
    /// Minor units of the account's currency.
    pub profit_minor: i64,
    pub swap_minor: i64,
    pub commission_minor: i64,
    pub position_id: String,
    pub comment: String,
    /// UTC.
    pub at: Ts,
    /// The server's wall clock, as sent, in milliseconds.
    pub server_wall_ms: i64,
    /// Edited by a manager after the fact.
    pub modified: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Position {
    pub position_id: String,
    pub login: String,
    pub symbol: String,
    pub side: DealSide,
    pub volume: Lots,
    pub digits: u8,
    pub price_open: i64,
    pub price_current: i64,
    pub profit_minor: i64,
    pub swap_minor: i64,
    pub opened_at: Ts,
}

/// A change of an account's settings; None leaves a thing as it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AccountChange {
    pub rights: Option<TradeRights>,
    pub group: Option<String>,
    pub leverage: Option<u32>,
}

/// How far a connector can do a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Support {
    Yes,
    /// With the limits that the connector's README names.
    Partly,
    No,
}

/// What platforms differ in, by the words of the connections page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    OpenAccount,
    ReadOnly,
    Block,
    ChangeGroup,
    ChangeLeverage,
    Balance,
    Credit,
    Correction,
    /// A withdrawal above the free margin is refused there.
    FreeMarginCheck,
    /// An operation whose answer was lost can be looked up by our token.
    FindMoney,
    /// The server itself makes a repeated operation one.
    RepeatSafeMoney,
    DealsByGroup,
    /// Edits and deletions of past deals show.
    DealEdits,
    PositionsByGroup,
    MarginByGroup,
    MarginEdges,
    HolderData,
    /// Changes are told, not looked for.
    Push,
}

/// What a connector can do, and what it was tested against.
#[derive(Clone, Debug, Serialize)]
pub struct Capabilities {
    /// The interface in the vendor's words.
    pub api: &'static str,
    /// Builds it was run against, both ends included.
    pub builds: Vec<(u32, u32)>,
    pub table: Vec<(Capability, Support)>,
}

impl Capabilities {
    /// Whether the connector was tested against the build a server states. A build without a
    /// number says nothing and was not.
    pub fn tested(&self, build: &str) -> bool {
        build
            .trim()
            .parse::<u32>()
            .is_ok_and(|n| self.builds.iter().any(|(from, to)| (*from..=*to).contains(&n)))
    }
}

#[async_trait]
pub trait TradingPlatform: Send + Sync {
    async fn server_info(&self) -> CallResult<ServerInfo>;
    /// Creates the account, or returns the one that already carries `our_ref`.
    async fn open_account(&self, new: &NewAccount) -> CallResult<PlatformAccount>;
    /// None when the server knows no such login.
    async fn account(&self, login: &str) -> CallResult<Option<PlatformAccount>>;
    /// All accounts of the groups that `group_mask` names: for drift, mapping and look-up by `our_ref`.
    async fn accounts(&self, group_mask: &str) -> CallResult<Vec<PlatformAccount>>;
    async fn change_account(&self, login: &str, change: &AccountChange) -> CallResult<PlatformAccount>;
    async fn account_state(&self, login: &str) -> CallResult<AccountState>;
    /// Sends once. Never retries by itself.
    async fn move_money(&self, op: &MoneyOp) -> CallResult<MoneyReceipt>;
    /// Looks for the operation's token among the login's deals since `op.since`.
    async fn find_money(&self, op: &MoneyOp) -> CallResult<Found>;
    /// Every deal of the groups between two moments (UTC, inclusive of both seconds).
    async fn deals(&self, group_mask: &str, from: Ts, to: Ts) -> CallResult<Vec<Deal>>;
    async fn positions(&self, login: &str) -> CallResult<Vec<Position>>;
    /// Every open position of the groups.
    async fn open_positions(&self, group_mask: &str) -> CallResult<Vec<Position>>;
    /// Balance, equity and margin of the groups' accounts. Accounts that were idle for long may be
    /// missing; they have no open positions.
    async fn states(&self, group_mask: &str) -> CallResult<Vec<AccountState>>;
    fn capabilities(&self) -> Capabilities;
}
