//! What images are made of.

use super::{full_reference, is_curl, repository};

/// What an image says of the system that it is made of.
pub fn os_release(image: &str) -> &'static str {
    let alpine = ["alpine", "bash", "nonewprivs", "nautilus", "kitten", "agnhost", "netshoot"];
    let full = full_reference(image);
    let name = repository(&full).rsplit('/').next().unwrap_or("");
    match name {
        "ubuntu" => "NAME=\"Ubuntu\"\nVERSION_ID=\"24.04\"\nID=ubuntu\n",
        name if alpine.contains(&name) || full.contains("-alpine") || is_curl(image) => {
            "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.23.3\nPRETTY_NAME=\"Alpine Linux v3.23\"\n"
        }
        _ => "NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"13\"\nID=debian\n",
    }
}
