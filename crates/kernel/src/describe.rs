//! How our types look in the API's description (OpenAPI 3.1 schemas), beside how they travel in
//! JSON. Each is a named component, so that a generated client has a type of the same name.

use crate::{Amount, Currency, Lots, Rate, Ts};
use std::borrow::Cow;
use utoipa::openapi::schema::{KnownFormat, SchemaFormat};
use utoipa::openapi::{ObjectBuilder, Ref, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// What `schemas` hands on: names and shapes of what a type refers to.
pub type Named = Vec<(String, RefOr<Schema>)>;

/// Text with a prefix; `doc` says what it names.
pub fn id(prefix: &str, doc: &str) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(doc))
        .pattern(Some(format!("^{prefix}_[0-9A-HJKMNP-TV-Z]{{26}}$")))
        .examples([format!("{prefix}_01JD1Z3Y5K8Q2M4N6P8R0S2T4V")])
        .into()
}

/// One of these words.
pub fn words<'a>(all: impl Iterator<Item = &'a str>) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(all)).into()
}

fn whole(doc: &str) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .description(Some(doc))
        .into()
}

impl PartialSchema for Ts {
    fn schema() -> RefOr<Schema> {
        whole("A moment: microseconds since 1970-01-01 in UTC.")
    }
}
impl ToSchema for Ts {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Ts")
    }
}

impl PartialSchema for Lots {
    fn schema() -> RefOr<Schema> {
        whole("Volume in 10^-8 lots: 1.25 lots is 125000000.")
    }
}
impl ToSchema for Lots {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Lots")
    }
}

impl PartialSchema for Rate {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("A price of one unit in another: decimal text above 0, at most 12 places."))
            .pattern(Some(r"^[0-9]+(\.[0-9]{1,12})?$"))
            .examples(["1.08451"])
            .into()
    }
}
impl ToSchema for Rate {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Rate")
    }
}

impl PartialSchema for Currency {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("ISO 4217, or a crypto asset's code."))
            .pattern(Some("^[A-Z]{3,5}$"))
            .examples(["EUR"])
            .into()
    }
}
impl ToSchema for Currency {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Currency")
    }
}

impl PartialSchema for Amount {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .description(Some(
                "Whole minor units: EUR 500.00 is `{\"minor\": 50000, \"currency\": \"EUR\"}`.",
            ))
            .property("minor", whole("In the currency's smallest unit; at most 9·10^15 either way."))
            .required("minor")
            .property("currency", Ref::from_schema_name(Currency::name()))
            .required("currency")
            .additional_properties(Some(utoipa::openapi::schema::AdditionalProperties::FreeForm(false)))
            .examples([serde_json::json!({"minor": 50_000, "currency": "EUR"})])
            .into()
    }
}
impl ToSchema for Amount {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Money")
    }
    fn schemas(schemas: &mut Named) {
        schemas.push((Currency::name().into(), Currency::schema()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{id, text_enum};
    use serde_json::{Value, json};

    id!(ThingId as PublicThingId, "thg", "A thing.");
    text_enum!(State as ThingState { Open = "open", Shut = "shut" });

    fn shown<T: ToSchema>() -> (String, Value) {
        (T::name().into(), serde_json::to_value(T::schema()).unwrap())
    }

    #[test]
    fn ids_and_words_are_components_of_the_name_they_are_given() {
        let (name, schema) = shown::<ThingId>();
        assert_eq!((name.as_str(), &schema["type"]), ("PublicThingId", &json!("string")));
        assert_eq!(schema["pattern"], "^thg_[0-9A-HJKMNP-TV-Z]{26}$");
        let (name, schema) = shown::<State>();
        assert_eq!(
            (name.as_str(), schema),
            ("ThingState", json!({"type": "string", "enum": ["open", "shut"]}))
        );
        assert_eq!(State::parse("shut"), Some(State::Shut));
    }

    #[test]
    fn an_amount_is_called_money_and_brings_its_currency() {
        let (name, schema) = shown::<Amount>();
        assert_eq!((name.as_str(), &schema["required"]), ("Money", &json!(["minor", "currency"])));
        let mut with = vec![];
        Amount::schemas(&mut with);
        assert_eq!(with[0].0, "Currency");
        assert_eq!(shown::<crate::Page<Amount>>().1["required"], json!(["items", "next_cursor"]));
    }
}
