//! `#[derive(Codec)]` for structures and enumerations of the cluster's state: all fields in their order, variants by their number.
//! A field marked `#[codec(skip)]` follows from others or is observation only: it is not written, and read as its default.

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::{ToTokens, format_ident, quote};
use syn::{Data, DeriveInput, Field, Fields, Ident, Index, Result, parse_macro_input, parse_quote};

/// Implements `crate::codec::Codec`.
#[proc_macro_derive(Codec, attributes(codec))]
pub fn codec(input: TokenStream) -> TokenStream {
    implement(parse_macro_input!(input as DeriveInput))
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}

fn implement(mut input: DeriveInput) -> Result<Tokens> {
    for parameter in input.generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(crate::codec::Codec));
    }
    let (impls, types, wheres) = input.generics.split_for_impl();
    let name = &input.ident;
    let (encode, decode) = match &input.data {
        Data::Struct(data) => of_struct(&data.fields)?,
        Data::Enum(data) => {
            let mut encode = Vec::new();
            let mut decode = Vec::new();
            for (number, variant) in (0_u64..).zip(&data.variants) {
                let name = &variant.ident;
                let (members, locals) = (members(&variant.fields), locals(&variant.fields));
                let write = write(&variant.fields, &locals)?;
                encode.push(
                    quote!(Self::#name { #(#members: #locals),* } => { encoder.number(#number); #(#write)* }),
                );
                let read = read(&variant.fields)?;
                decode.push(quote!(#number => Self::#name { #(#members: #read),* }));
            }
            (
                quote!(match self { #(#encode)* }),
                quote!(Ok(match decoder.number()? { #(#decode,)* _ => return Err(decoder.damaged()) })),
            )
        }
        Data::Union(_) => return Err(syn::Error::new_spanned(name, "a union has no variants to tell apart")),
    };
    Ok(quote! {
        impl #impls crate::codec::Codec for #name #types #wheres {
            fn encode(&self, encoder: &mut crate::codec::Encoder) { #encode }
            fn decode(decoder: &mut crate::codec::Decoder<'_>) -> Result<Self, crate::codec::Damaged> { #decode }
        }
    })
}

fn of_struct(fields: &Fields) -> Result<(Tokens, Tokens)> {
    let members = members(fields);
    let places: Vec<Tokens> = members.iter().map(|member| quote!(&self.#member)).collect();
    let write = write(fields, &places)?;
    let read = read(fields)?;
    Ok((quote!(#(#write)*), quote!(Ok(Self { #(#members: #read),* }))))
}

/// Names or numbers of the fields.
fn members(fields: &Fields) -> Vec<Tokens> {
    let member = |(index, field): (usize, &Field)| match &field.ident {
        Some(name) => quote!(#name),
        None => {
            let index = Index::from(index);
            quote!(#index)
        }
    };
    fields.iter().enumerate().map(member).collect()
}

/// Names for the fields while they are looked at.
fn locals(fields: &Fields) -> Vec<Ident> {
    (0..fields.len()).map(|index| format_ident!("field_{index}")).collect()
}

/// Writes the fields, found at `places`.
fn write(fields: &Fields, places: &[impl ToTokens]) -> Result<Vec<Tokens>> {
    let mut all = Vec::new();
    for (field, place) in fields.iter().zip(places) {
        if !skipped(field)? {
            all.push(quote!(crate::codec::Codec::encode(#place, encoder);));
        }
    }
    Ok(all)
}

fn read(fields: &Fields) -> Result<Vec<Tokens>> {
    let read = |field: &Field| {
        Ok(if skipped(field)? {
            quote!(Default::default())
        } else {
            quote!(crate::codec::Codec::decode(decoder)?)
        })
    };
    fields.iter().map(read).collect()
}

fn skipped(field: &Field) -> Result<bool> {
    let mut skipped = false;
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("codec")) {
        attribute.parse_nested_meta(|meta| {
            skipped = meta.path.is_ident("skip");
            if skipped { Ok(()) } else { Err(meta.error("only `skip` is known")) }
        })?;
    }
    Ok(skipped)
}
