//! Attack: a sound component of another world. Exports an interface of its own and nothing the host knows.

#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, missing_docs, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package other:tool@1.0.0;
            interface greeting { greet: func(name: string) -> string; }
            world greeter { export greeting; }
        ",
    });

    struct Component;

    impl exports::other::tool::greeting::Guest for Component {
        fn greet(name: String) -> String {
            format!("hello {name}")
        }
    }

    export!(Component);
}
