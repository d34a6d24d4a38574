//! What an authenticator sends and whether it proves anything (W3C Web Authentication, level 2), as
//! far as passkeys need it: no attestation is asked for and none is read, a user must have been
//! verified by the device, and signatures are checked by ring. Pure; nothing here knows who is who.
//!
//! Algorithms: ES256 (-7), EdDSA (-8), RS256 (-257): what browsers' and systems' passkeys use.

use data_encoding::BASE64URL_NOPAD;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Of the algorithms we take, best first.
pub const ALGORITHMS: [i64; 3] = [-8, -7, -257];

/// What is wrong with an answer of a browser; for our log, the caller gets one sentence for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Encoding,
    ClientData,
    Type,
    Challenge,
    Origin,
    Data,
    Place,
    NotPresent,
    NotVerified,
    Key,
    Signature,
    Counter,
}

type Answer<T> = std::result::Result<T, Fault>;

/// Where the answer must come from.
#[derive(Clone, Debug)]
pub struct Place {
    /// The host without port: what passkeys are bound to.
    pub rp_id: String,
    /// `https://trade.northwind.example`, as browsers write it.
    pub origin: String,
}

pub fn base64url(text: &str) -> Answer<Vec<u8>> {
    BASE64URL_NOPAD
        .decode(text.trim_end_matches('=').as_bytes())
        .map_err(|_| Fault::Encoding)
}

#[derive(Deserialize)]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default, rename = "crossOrigin")]
    cross_origin: bool,
}

fn client_data(json: &[u8], kind: &str, challenge: &[u8], place: &Place) -> Answer<()> {
    let d: ClientData = serde_json::from_slice(json).map_err(|_| Fault::ClientData)?;
    if d.kind != kind {
        return Err(Fault::Type);
    }
    if !bool::from(base64url(&d.challenge)?.ct_eq(challenge)) {
        return Err(Fault::Challenge);
    }
    if d.origin != place.origin || d.cross_origin {
        return Err(Fault::Origin);
    }
    Ok(())
}

/// The authenticator's data: 37 bytes, then what its flags say.
struct AuthData<'a> {
    flags: u8,
    counter: u32,
    rest: &'a [u8],
}

const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const BACKED_UP: u8 = 0x10;
const CREDENTIAL: u8 = 0x40;

fn auth_data<'a>(bytes: &'a [u8], place: &Place) -> Answer<AuthData<'a>> {
    let (hash, rest) = bytes.split_first_chunk::<32>().ok_or(Fault::Data)?;
    if !bool::from(hash[..].ct_eq(&Sha256::digest(place.rp_id.as_bytes())[..])) {
        return Err(Fault::Place);
    }
    let (head, rest) = rest.split_first_chunk::<5>().ok_or(Fault::Data)?;
    let [flags, a, b, c, d] = *head;
    if flags & PRESENT == 0 {
        return Err(Fault::NotPresent);
    }
    if flags & VERIFIED == 0 {
        return Err(Fault::NotVerified);
    }
    Ok(AuthData {
        flags,
        counter: u32::from_be_bytes([a, b, c, d]),
        rest,
    })
}

/// A new passkey, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    pub credential_id: Vec<u8>,
    pub alg: i64,
    /// As ring takes it: an uncompressed point, 32 bytes, or `n` and `e` with their lengths.
    pub public_key: Vec<u8>,
    pub counter: u32,
    pub backed_up: bool,
}

/// Reads the answer to `navigator.credentials.create`.
pub fn created(client_data_json: &[u8], attestation: &[u8], challenge: &[u8], place: &Place) -> Answer<NewKey> {
    client_data(client_data_json, "webauthn.create", challenge, place)?;
    let mut r = Cbor(attestation);
    let mut data = None;
    for _ in 0..r.map()? {
        match r.text()? {
            "authData" => data = Some(r.bytes()?),
            _ => r.skip(0)?,
        }
    }
    let d = auth_data(data.ok_or(Fault::Data)?, place)?;
    if d.flags & CREDENTIAL == 0 {
        return Err(Fault::Data);
    }
    // 16 bytes say which model the authenticator is; nobody asked.
    let rest = d.rest.get(16..).ok_or(Fault::Data)?;
    let (size, rest) = rest.split_first_chunk::<2>().ok_or(Fault::Data)?;
    let size = usize::from(u16::from_be_bytes(*size));
    if size == 0 || size > 1_023 || rest.len() < size {
        return Err(Fault::Data);
    }
    let (id, key) = rest.split_at(size);
    let (alg, public_key) = cose_key(&mut Cbor(key))?;
    Ok(NewKey {
        credential_id: id.to_vec(),
        alg,
        public_key,
        counter: d.counter,
        backed_up: d.flags & BACKED_UP != 0,
    })
}

fn cose_key(r: &mut Cbor<'_>) -> Answer<(i64, Vec<u8>)> {
    let (mut kty, mut alg, mut curve) = (0, 0, 0);
    let (mut a, mut b): (&[u8], &[u8]) = (&[], &[]);
    for _ in 0..r.map()? {
        match r.int()? {
            1 => kty = r.int()?,
            3 => alg = r.int()?,
            // The curve, or an RSA key's modulus: told apart by what stands there.
            -1 => match r.peek() {
                Some(2) => a = r.bytes()?,
                _ => curve = r.int()?,
            },
            -2 => match kty {
                3 => b = r.bytes()?,
                _ => a = r.bytes()?,
            },
            -3 => b = r.bytes()?,
            _ => r.skip(0)?,
        }
    }
    let key = match (alg, kty, curve) {
        (-7, 2, 1) if a.len() == 32 && b.len() == 32 => [&[4][..], a, b].concat(),
        (-8, 1, 6) if a.len() == 32 => a.to_vec(),
        // 2048 to 4096 bits.
        (-257, 3, _) if (256..=512).contains(&a.len()) && (1..=8).contains(&b.len()) => {
            let n = u16::try_from(a.len()).map_err(|_| Fault::Key)?;
            [&n.to_be_bytes()[..], a, b].concat()
        }
        _ => return Err(Fault::Key),
    };
    Ok((alg, key))
}

/// What a kept passkey must have signed.
pub struct Kept<'a> {
    pub alg: i64,
    pub public_key: &'a [u8],
    pub counter: u32,
}

/// Checks the answer to `navigator.credentials.get`; the counter to keep from now on.
pub fn proven(client_data_json: &[u8], data: &[u8], sig: &[u8], challenge: &[u8], place: &Place, kept: &Kept<'_>) -> Answer<u32> {
    client_data(client_data_json, "webauthn.get", challenge, place)?;
    let d = auth_data(data, place)?;
    let signed = [data, &Sha256::digest(client_data_json)[..]].concat();
    let good = match kept.alg {
        -7 => UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_ASN1, kept.public_key).verify(&signed, sig),
        -8 => UnparsedPublicKey::new(&signature::ED25519, kept.public_key).verify(&signed, sig),
        -257 => {
            let (size, rest) = kept.public_key.split_first_chunk::<2>().ok_or(Fault::Key)?;
            let size = usize::from(u16::from_be_bytes(*size));
            if rest.len() <= size {
                return Err(Fault::Key);
            }
            let (n, e) = rest.split_at(size);
            RsaPublicKeyComponents { n, e }.verify(&signature::RSA_PKCS1_2048_8192_SHA256, &signed, sig)
        }
        _ => return Err(Fault::Key),
    };
    good.map_err(|_| Fault::Signature)?;
    // Passkeys that live in several devices count nothing. One that counts and went back is a copy.
    if (d.counter > 0 || kept.counter > 0) && d.counter <= kept.counter {
        return Err(Fault::Counter);
    }
    Ok(d.counter)
}

/// As much of CBOR (RFC 8949) as authenticators write: definite lengths, nothing nested deeper than
/// their statements are.
struct Cbor<'a>(&'a [u8]);

const DEEPEST: u32 = 8;

impl<'a> Cbor<'a> {
    /// The major type of what comes next.
    fn peek(&self) -> Option<u8> {
        self.0.first().map(|b| b >> 5)
    }

    fn take(&mut self, n: usize) -> Answer<&'a [u8]> {
        if self.0.len() < n {
            return Err(Fault::Encoding);
        }
        let (head, rest) = self.0.split_at(n);
        self.0 = rest;
        Ok(head)
    }

    /// Major type and argument.
    fn head(&mut self) -> Answer<(u8, u64)> {
        let first = *self.take(1)?.first().ok_or(Fault::Encoding)?;
        let argument = match first & 0x1f {
            n @ 0..=23 => u64::from(n),
            n @ 24..=27 => self.take(1 << (n - 24))?.iter().fold(0, |v, b| (v << 8) | u64::from(*b)),
            _ => return Err(Fault::Encoding),
        };
        Ok((first >> 5, argument))
    }

    fn of(&mut self, major: u8) -> Answer<u64> {
        match self.head()? {
            (m, v) if m == major => Ok(v),
            _ => Err(Fault::Encoding),
        }
    }

    fn size(&mut self, major: u8) -> Answer<usize> {
        usize::try_from(self.of(major)?).map_err(|_| Fault::Encoding)
    }

    fn map(&mut self) -> Answer<usize> {
        self.size(5)
    }

    fn bytes(&mut self) -> Answer<&'a [u8]> {
        let n = self.size(2)?;
        self.take(n)
    }

    fn text(&mut self) -> Answer<&'a str> {
        let n = self.size(3)?;
        std::str::from_utf8(self.take(n)?).map_err(|_| Fault::Encoding)
    }

    fn int(&mut self) -> Answer<i64> {
        let (major, v) = self.head()?;
        let v = i64::try_from(v).map_err(|_| Fault::Encoding)?;
        match major {
            0 => Ok(v),
            1 => Ok(-1 - v),
            _ => Err(Fault::Encoding),
        }
    }

    fn skip(&mut self, depth: u32) -> Answer<()> {
        if depth > DEEPEST {
            return Err(Fault::Encoding);
        }
        let (major, v) = self.head()?;
        let n = usize::try_from(v).map_err(|_| Fault::Encoding)?;
        match major {
            0 | 1 | 7 => Ok(()),
            2 | 3 => self.take(n).map(|_| ()),
            // A length that is longer than what is left ends at the first missing item.
            4 => (0..n).try_for_each(|_| self.skip(depth + 1)),
            5 => (0..n).try_for_each(|_| {
                self.skip(depth + 1)?;
                self.skip(depth + 1)
            }),
            _ => self.skip(depth + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};

    fn place() -> Place {
        Place {
            rp_id: "trade.example".into(),
            origin: "https://trade.example".into(),
        }
    }

    fn said(kind: &str, challenge: &[u8], origin: &str) -> Vec<u8> {
        let c = BASE64URL_NOPAD.encode(challenge);
        format!(r#"{{"type":"{kind}","challenge":"{c}","origin":"{origin}","crossOrigin":false}}"#).into_bytes()
    }

    fn data(rp: &str, flags: u8, counter: u32, more: &[u8]) -> Vec<u8> {
        [&Sha256::digest(rp.as_bytes())[..], &[flags], &counter.to_be_bytes(), more].concat()
    }

    /// `{"fmt": "none", "attStmt": {}, "authData": …}` with an ES256 or Ed25519 key.
    fn attestation(rp: &str, flags: u8, id: &[u8], key: &[u8]) -> Vec<u8> {
        let size = u16::try_from(id.len()).unwrap().to_be_bytes();
        let credential = [&[0; 16][..], &size, id, key].concat();
        let d = data(rp, flags, 0, &credential);
        let mut out = vec![0xa3, 0x63];
        out.extend(b"fmt");
        out.push(0x64);
        out.extend(b"none");
        out.push(0x67);
        out.extend(b"attStmt");
        out.push(0xa0);
        out.push(0x68);
        out.extend(b"authData");
        out.push(0x59);
        out.extend(u16::try_from(d.len()).unwrap().to_be_bytes());
        out.extend(d);
        out
    }

    fn es256(point: &[u8]) -> Vec<u8> {
        [
            &[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32][..],
            &point[1..33],
            &[0x22, 0x58, 32],
            &point[33..],
        ]
        .concat()
    }

    fn eddsa(key: &[u8]) -> Vec<u8> {
        [&[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32][..], key].concat()
    }

    #[test]
    fn a_passkey_is_read_and_what_it_signs_is_believed_once() {
        let rng = SystemRandom::new();
        let doc = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &rng).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, doc.as_ref(), &rng).unwrap();
        let made = created(
            &said("webauthn.create", b"first", "https://trade.example"),
            &attestation("trade.example", 0x5d, b"key-1", &es256(pair.public_key().as_ref())),
            b"first",
            &place(),
        )
        .unwrap();
        assert_eq!((made.alg, made.credential_id.as_slice(), made.backed_up), (-7, &b"key-1"[..], true));
        let sign = |client: &[u8], d: &[u8]| {
            pair.sign(&rng, &[d, &Sha256::digest(client)[..]].concat())
                .unwrap()
                .as_ref()
                .to_vec()
        };
        let kept = |counter| Kept {
            alg: made.alg,
            public_key: &made.public_key,
            counter,
        };
        let client = said("webauthn.get", b"second", "https://trade.example");
        let d = data("trade.example", 0x05, 7, &[]);
        let sig = sign(&client, &d);
        assert_eq!(proven(&client, &d, &sig, b"second", &place(), &kept(0)), Ok(7));
        assert_eq!(proven(&client, &d, &sig, b"second", &place(), &kept(7)), Err(Fault::Counter));
        let mut bent = d.clone();
        bent[36] = 9;
        assert_eq!(proven(&client, &bent, &sig, b"second", &place(), &kept(0)), Err(Fault::Signature));

        for (client, d, fault) in [
            (said("webauthn.get", b"other", "https://trade.example"), d.clone(), Fault::Challenge),
            (
                said("webauthn.get", b"second", "https://trade.example.evil.example"),
                d.clone(),
                Fault::Origin,
            ),
            (said("webauthn.get", b"second", "http://trade.example"), d.clone(), Fault::Origin),
            (said("webauthn.create", b"second", "https://trade.example"), d.clone(), Fault::Type),
            (client.clone(), data("evil.example", 0x05, 7, &[]), Fault::Place),
            (client.clone(), data("trade.example", 0x01, 7, &[]), Fault::NotVerified),
            (client.clone(), data("trade.example", 0x04, 7, &[]), Fault::NotPresent),
        ] {
            let sig = sign(&client, &d);
            assert_eq!(proven(&client, &d, &sig, b"second", &place(), &kept(0)), Err(fault));
        }
    }

    #[test]
    fn an_ed25519_passkey_signs_too_and_its_counter_may_stay_at_nothing() {
        let doc = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(doc.as_ref()).unwrap();
        let made = created(
            &said("webauthn.create", b"c", "https://trade.example"),
            &attestation("trade.example", 0x45, b"k", &eddsa(pair.public_key().as_ref())),
            b"c",
            &place(),
        )
        .unwrap();
        let client = said("webauthn.get", b"d", "https://trade.example");
        let d = data("trade.example", 0x05, 0, &[]);
        let sig = pair.sign(&[&d[..], &Sha256::digest(&client)[..]].concat());
        let kept = Kept {
            alg: made.alg,
            public_key: &made.public_key,
            counter: 0,
        };
        assert_eq!(proven(&client, &d, sig.as_ref(), b"d", &place(), &kept), Ok(0));
    }

    #[test]
    fn bytes_that_are_no_answer_are_faults_and_never_panics() {
        let client = said("webauthn.create", b"c", "https://trade.example");
        let good = attestation("trade.example", 0x45, b"k", &eddsa(&[7; 32]));
        for cut in 0..good.len() {
            assert!(created(&client, &good[..cut], b"c", &place()).is_err(), "{cut}");
        }
        for (i, flip) in (0..good.len()).flat_map(|i| [1u8, 0x20, 0x80, 0xff].map(|f| (i, f))) {
            let mut bent = good.clone();
            bent[i] ^= flip;
            let _ = created(&client, &bent, b"c", &place());
        }
        // Promises of more than there is.
        for bomb in [
            &[0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff][..],
            &[0x9b; 64],
            &[0xa1, 0x81, 0x81],
            &[0xd8; 40],
        ] {
            assert!(created(&client, bomb, b"c", &place()).is_err());
        }
        let weak = [&[0xa4, 1, 3, 3, 0x39, 1, 0, 0x20, 0x41, 5, 0x21, 0x41, 3][..]].concat();
        assert_eq!(
            created(&client, &attestation("trade.example", 0x45, b"k", &weak), b"c", &place()),
            Err(Fault::Key)
        );
    }
}
