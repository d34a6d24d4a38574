//! People and their rights: who may sign in, how they prove it, what they may do and see.
//!
//! - Everything a use case asks is in [`Caller`]: `require` a right (default deny), ask whether it
//!   `sees` a group of fields, ask for a fresh proof.
//! - [`Access`] is the door: it signs people in, turns a token into a caller in one indexed read,
//!   and holds the short cache that changes on this node clear at once.
//! - Sessions, one-time tokens and API keys are kept as SHA-256 only; passwords as argon2id; the
//!   second factor's secret sealed with the house key.
//! - One table of identities for staff and clients, told apart by their realm: the house, or one
//!   brand. The same address at two brands is two people until compliance says otherwise.

pub mod api_keys;
mod caller;
mod config;
mod credentials;
pub mod holds;
pub mod logins;
pub mod mask;
mod matrix;
pub mod passkeys;
pub mod password;
mod proofs;
mod rights;
pub mod roles;
mod second;
mod service;
mod sign_in;
pub mod staff;
mod store;
pub mod webauthn;

pub use caller::{ALL_ENTITIES, ApiKeyId, Caller, DeviceId, Grants, LoginId, SessionId, StaffId, Who};
pub use config::{AccessConfig, HouseKey};
pub use logins::{check_email, normal_email};
pub use matrix::Matrix;
pub use rights::{Mask, Right, Role, Scope};
pub use second::{Enrolment, code_at};
pub use service::{API_KEY_PREFIX, Access, SESSION_PREFIX};
pub use sign_in::{Proof, SignIn, SignedIn};
pub use store::identities::{DeviceRow, SignInRow};
pub use store::places::LoginHold;
pub use store::sessions::SessionRow;

/// Where an address belongs: the house, or one brand. The same address may be in several.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Realm {
    Staff,
    /// A brand's code.
    Brand(String),
}

impl Realm {
    pub fn text(&self) -> String {
        match self {
            Realm::Staff => "staff".to_string(),
            Realm::Brand(code) => format!("brand:{code}"),
        }
    }
}
