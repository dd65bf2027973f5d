//! The example of the layer runs to its end, and what it shows holds.

#[path = "../../examples/tower_layer.rs"]
mod tower_layer;

#[test]
fn a_client_under_the_layer_outlives_expiry_revocation_and_nonces() {
    tower_layer::main().unwrap();
}
