//! What a portal has to know before anybody signs in: one call, for strangers too.

use crate::auth::host_of;
use crate::kit::Reply;
use axum::Json;
use axum::extract::State;
use http::HeaderMap;
use qd_app::brands::{self, Face};
use qd_app::compose_kyc::country_of;
use qd_app::{App, countries, demo};
use qd_kernel::Problem;
use qd_runtime::access::Right;
use qd_runtime::{settings, tenancy};
use qd_web::{Api, Asker, Params};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_axum::routes;

pub fn routes(api: Api<App>) -> Api<App> {
    api.route(Right::Public, routes!(boot))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// A brand's code; without it, the brand whose host was called.
    code: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(example = json!({"brand": {"code": "northwind", "name": "Northwind", "hue": 212, "logo_url": "/brand/logo.svg", "support_email": "hello@northwind.example", "zone": "Europe/Nicosia"}, "entity": {"code": "eu", "name": "Northwind Markets Europe Ltd", "country": "CY", "regulator": "CySEC"}, "languages": ["en", "de"], "default_language": "en", "house_languages": ["ar", "de", "en"], "currencies": ["EUR", "USD"], "countries": [{"code": "DE", "served": true}, {"code": "US", "served": false}], "country": "DE", "texts": [{"use": "terms", "key": "terms.eu", "version": "5f2c9a01", "url": "/legal/terms", "text": {"en": "# Terms"}}], "modules": ["accounts", "deposits"], "demo": null, "version": "0.1.0"}))]
pub struct Boot {
    brand: BootBrand,
    entity: BootEntity,
    /// The brand's languages that the portals have texts in.
    languages: Vec<String>,
    default_language: String,
    /// All languages there are texts in: what the house's own people choose from.
    house_languages: Vec<String>,
    /// Currencies a client may have a wallet in.
    currencies: Vec<String>,
    /// Where a client may live, as two letters; names are the browser's.
    countries: Vec<BootCountry>,
    /// The country the call seems to come from, when it is known.
    country: Option<String>,
    /// Legal texts of the licence: `risk_warning`, `terms`, `privacy`…
    texts: Vec<BootText>,
    /// Parts that are switched on: `accounts`, `deposits`, `withdrawals`, `transfers`, `documents`,
    /// `partner`, `support`.
    modules: Vec<String>,
    /// Only in the demo: whom to sign in as.
    demo: Option<BootDemo>,
    /// The program's version.
    version: &'static str,
}

#[derive(Serialize, ToSchema)]
pub struct BootBrand {
    code: String,
    name: String,
    /// The hue of the brand's colour, 0 to 359 degrees.
    hue: u32,
    logo_url: &'static str,
    support_email: String,
    /// IANA name of the zone the brand shows times in.
    zone: String,
}

#[derive(Serialize, ToSchema)]
pub struct BootEntity {
    code: String,
    name: String,
    country: String,
    regulator: String,
}

#[derive(Serialize, ToSchema)]
pub struct BootCountry {
    /// ISO 3166-1, two letters.
    code: &'static str,
    /// False: registration is refused.
    served: bool,
}

#[derive(Serialize, ToSchema)]
pub struct BootText {
    r#use: String,
    /// Its key in the catalogue.
    key: String,
    /// Names the wording in all languages: what a consent is given to.
    version: String,
    /// A page with the text in the reader's language (`?lang=`).
    url: String,
    /// The text by language, where there is one; English stands in for the others.
    text: BTreeMap<String, String>,
}

#[derive(Serialize, ToSchema)]
pub struct BootDemo {
    /// Everybody's.
    password: &'static str,
    sign_ins: Vec<BootSignIn>,
}

#[derive(Serialize, ToSchema)]
pub struct BootSignIn {
    /// A role of the house, `client` or `partner`.
    role: String,
    email: String,
    /// Where this person works: `/`, `/partner` or `/office`.
    portal: &'static str,
}

/// As the seed leaves it in the setting `demo.seed`; read here for who there is to sign in as.
#[derive(Default, Deserialize)]
struct Seeded {
    #[serde(default)]
    client: Option<SeededPerson>,
    #[serde(default)]
    others: Vec<SeededPerson>,
    #[serde(default)]
    partner: Option<SeededPerson>,
}

#[derive(Deserialize)]
struct SeededPerson {
    email: String,
    brand: String,
}

/// The brand, its licence, its languages and texts, countries, and what is switched on.
#[utoipa::path(get, path = "/api/v1/public/boot", tag = "public", params(Which), responses((status = 200, body = Boot)))]
pub async fn boot(State(app): State<App>, Asker(caller): Asker, headers: HeaderMap, Params(q): Params<Which>) -> Reply<Json<Boot>> {
    let (host, config) = (host_of(&headers), app.config.clone());
    let (brand, face, entity, seeded) = app
        .core
        .db
        .read(async move |tx| {
            let brand = match q.code.as_deref() {
                Some(code) => brands::brand_of(tx, Some(code), None, None).await?,
                None => brands::face_at(tx, host.as_deref(), &config)
                    .await?
                    .ok_or_else(|| Problem::invalid("brand", "brand_unknown", "expected the code of a brand"))?,
            };
            let face = Face::of(tx, &brand.code).await?;
            let entity = tenancy::get(tx, &brand.entity).await?;
            let seeded: Seeded = match config.demo {
                Some(_) => settings::get(tx, settings::GLOBAL, "demo.seed").await?.unwrap_or_default(),
                None => Seeded::default(),
            };
            Ok((brand, face, entity, seeded))
        })
        .await?;
    let house_languages: Vec<String> = app.catalogue.languages().map(str::to_string).collect();
    let languages: Vec<String> = brand.languages.iter().filter(|l| house_languages.contains(l)).cloned().collect();
    let texts = entity
        .config
        .texts
        .iter()
        .filter_map(|(name, key)| text(&app, name, key, &[("brand", &brand.name), ("entity", &entity.name)]))
        .collect();
    let not_served = &entity.config.countries.not_served;
    let body = Boot {
        default_language: languages.first().cloned().unwrap_or_else(|| "en".into()),
        languages,
        house_languages,
        currencies: entity.config.currencies.iter().map(|c| c.code().to_string()).collect(),
        countries: countries::residences()
            .map(|code| BootCountry {
                code,
                served: !not_served.iter().any(|n| n == code),
            })
            .collect(),
        country: country_of(caller.ip.as_deref()),
        texts,
        modules: face.modules(),
        demo: app.config.demo.is_some().then(|| BootDemo {
            password: demo::PASSWORD,
            sign_ins: sign_ins(&brand.code, seeded),
        }),
        version: env!("CARGO_PKG_VERSION"),
        entity: BootEntity {
            code: entity.code.clone(),
            name: entity.name.clone(),
            country: entity.country.clone(),
            regulator: entity.regulator.clone(),
        },
        brand: BootBrand {
            support_email: face.support_email.unwrap_or_else(|| address(&brand.mail_from).to_string()),
            zone: face.zone.unwrap_or_else(|| "UTC".into()),
            code: brand.code,
            name: brand.name,
            hue: brand.hue,
            logo_url: "/brand/logo.svg",
        },
    };
    Ok(Json(body))
}

/// The address in `Northwind <hello@northwind.example>`.
fn address(from: &str) -> &str {
    from.rsplit_once('<')
        .and_then(|(_, rest)| rest.split_once('>'))
        .map_or(from, |(a, _)| a)
        .trim()
}

/// None for a key without any text: nothing to show or to agree to.
fn text(app: &App, name: &str, key: &str, names: &[(&str, &str)]) -> Option<BootText> {
    let text: BTreeMap<String, String> = app
        .catalogue
        .languages()
        .filter(|l| app.catalogue.resolve(l, key) == *l)
        .filter_map(|l| Some((l.to_string(), app.catalogue.said(l, key, names)?)))
        .collect();
    if text.is_empty() {
        return None;
    }
    let mut wording = Sha256::new();
    for (l, t) in &text {
        wording.update(l);
        wording.update([0]);
        wording.update(t);
        wording.update([0]);
    }
    Some(BootText {
        r#use: name.to_string(),
        key: key.to_string(),
        version: hex::encode(wording.finalize())[..8].to_string(),
        url: format!("/legal/{name}"),
        text,
    })
}

fn sign_ins(brand: &str, seeded: Seeded) -> Vec<BootSignIn> {
    let one = |role: &str, portal, people: Vec<SeededPerson>| {
        people.into_iter().find(|p| p.brand == brand).map(|p| BootSignIn {
            role: role.into(),
            email: p.email,
            portal,
        })
    };
    let staff = demo::PEOPLE.iter().filter(|p| p.shown).map(|p| BootSignIn {
        role: p.role.as_str().into(),
        email: p.email.into(),
        portal: "/office",
    });
    let clients = seeded.client.into_iter().chain(seeded.others).collect();
    one("client", "/", clients)
        .into_iter()
        .chain(one("partner", "/partner", seeded.partner.into_iter().collect()))
        .chain(staff)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_senders_address_is_found_with_and_without_a_name() {
        assert_eq!(address("Northwind <hello@northwind.example>"), "hello@northwind.example");
        assert_eq!(address("hello@northwind.example"), "hello@northwind.example");
    }
}
