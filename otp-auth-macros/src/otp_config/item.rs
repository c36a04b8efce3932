//! The struct that the attribute stands on, and the roles of its fields.

use darling::error::Accumulator;
use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::{Attribute, DeriveInput, Field, Index, ItemStruct, Member, Type};

use crate::diag::mistake;
use crate::entry::{Form, Key, UNKNOWN, Vocabulary};
use crate::reader::read_attribute;
use crate::slot::Slot;

const FIELD: Vocabulary = Vocabulary {
    attribute: "#[otp(...)]",
    keys: &[Key::new("sender", Form::Word, "sender"), Key::new("hooks", Form::Word, "hooks")],
    elsewhere: &[
        ("id", "it goes on a field of the user struct, which derives `OtpUser`"),
        ("email", "it goes on a field of the user struct, which derives `OtpUser`"),
        ("verified", "it goes on a field of the user struct, which derives `OtpUser`"),
        ("claim", "it goes on a field of the user struct, which derives `OtpUser`"),
        ("user", "it is a key of `#[otp_config(...)]`"),
        ("secret_key", "it is a key of `#[otp_config(...)]`; write `secret_key = self.field` there"),
        ("store", "give the store to `OtpAuth::new(config, store)`"),
    ],
};

/// The user's struct without our attributes on its fields, and what these said.
pub(crate) struct Item {
    pub(crate) structure: ItemStruct,
    pub(crate) sender: Option<FieldRole>,
    pub(crate) hooks: Option<FieldRole>,
    /// The first field with an attribute that could mean anything.
    pub(crate) unclear: Option<FieldRole>,
}

/// A field with a part to play.
#[derive(Clone)]
pub(crate) struct FieldRole {
    pub(crate) member: Member,
    pub(crate) ty: Type,
    /// The word of the attribute.
    pub(crate) word: Option<Ident>,
}

impl Item {
    /// `None` when the item is no struct.
    pub(crate) fn read(tokens: TokenStream, errors: &mut Accumulator) -> Option<Self> {
        let Ok(mut structure) = syn::parse2::<ItemStruct>(tokens.clone()) else {
            refuse(tokens, errors);
            return None;
        };
        let mut item = Self { sender: None, hooks: None, unclear: None, structure: structure.clone() };
        for (index, field) in structure.fields.iter_mut().enumerate() {
            item.take(index, field, errors);
            field.attrs.retain(|attribute| !is_helper(attribute));
        }
        item.structure = structure;
        Some(item)
    }

    fn take(&mut self, index: usize, field: &Field, errors: &mut Accumulator) {
        let mut sender = Slot::<()>::Absent;
        let mut hooks = Slot::<()>::Absent;
        let mut unclear = false;
        for attribute in field.attrs.iter().filter(|attribute| is_helper(attribute)) {
            let entries = read_attribute(attribute, &FIELD, errors);
            unclear |= entries.is_empty();
            for entry in &entries {
                match entry.name {
                    "sender" => sender.put_value(entry, errors),
                    "hooks" => hooks.put_value(entry, errors),
                    UNKNOWN => unclear = true,
                    _ => {}
                }
            }
        }
        let role = |slot: &Slot<()>| FieldRole {
            member: match &field.ident {
                Some(ident) => Member::Named(ident.clone()),
                None => Member::Unnamed(Index::from(index)),
            },
            ty: field.ty.clone(),
            word: slot.key().cloned(),
        };
        for (name, slot, place) in [("sender", &sender, &mut self.sender), ("hooks", &hooks, &mut self.hooks)] {
            match (slot.is_absent(), &place) {
                (true, _) => {}
                (false, None) => *place = Some(role(slot)),
                (false, Some(first)) => errors.push(second(name, slot, first, field)),
            }
        }
        if unclear && self.unclear.is_none() {
            self.unclear = Some(role(&Slot::Absent));
        }
    }
}

fn second(name: &str, slot: &Slot<()>, first: &FieldRole, field: &Field) -> darling::Error {
    let message = format!(
        "only one field can be the `{name}`, and `{}` is it already: remove one of the two",
        first.member.to_token_stream()
    );
    match slot.key() {
        Some(key) => mistake(key, message),
        None => mistake(&field.ty, message),
    }
}

fn is_helper(attribute: &Attribute) -> bool {
    attribute.path().is_ident("otp")
}

/// Says what is needed in place of an enum, a union or another item. An item that does not parse
/// at all is left to the compiler, which explains it better.
fn refuse(tokens: TokenStream, errors: &mut Accumulator) {
    let Ok(item) = syn::parse2::<syn::Item>(tokens) else {
        return;
    };
    let (what, place) = match &item {
        syn::Item::Enum(item) => ("an enum", item.ident.to_token_stream()),
        syn::Item::Union(item) => ("a union", item.ident.to_token_stream()),
        syn::Item::Fn(item) => ("a function", item.sig.ident.to_token_stream()),
        syn::Item::Impl(item) => ("an impl", item.self_ty.to_token_stream()),
        _ => ("another item", item.to_token_stream()),
    };
    errors.push(mistake(
        &place,
        format_args!(
            "`#[otp_config(...)]` goes on a struct, and this is {what}: write `struct Auth {{ {} }}`",
            "#[otp(sender)] sender: ConsoleSender"
        ),
    ));
}

/// The item without our attributes on its fields, which would be unknown to the compiler.
pub(crate) fn without_helpers(tokens: TokenStream) -> TokenStream {
    let Ok(mut input) = syn::parse2::<DeriveInput>(tokens.clone()) else {
        return tokens;
    };
    let strip = |fields: &mut syn::Fields| {
        for field in fields {
            field.attrs.retain(|attribute| !is_helper(attribute));
        }
    };
    match &mut input.data {
        syn::Data::Struct(data) => strip(&mut data.fields),
        syn::Data::Enum(data) => {
            for variant in &mut data.variants {
                variant.attrs.retain(|attribute| !is_helper(attribute));
                strip(&mut variant.fields);
            }
        }
        syn::Data::Union(data) => {
            for field in &mut data.fields.named {
                field.attrs.retain(|attribute| !is_helper(attribute));
            }
        }
    }
    input.to_token_stream()
}
