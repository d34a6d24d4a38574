//! The statements of access, by noun.

pub(super) mod identities;
pub(super) mod keys;
pub(super) mod passkeys;
pub(super) mod places;
pub(super) mod roles;
pub(super) mod sessions;
