//! Hashes that controllers put into names and labels.

/// FNV-1, 32 bit: what `hash/fnv` of Go computes with `New32`.
pub fn fnv1_32(text: &str) -> u32 {
    let step = |hash: u32, byte: u8| hash.wrapping_mul(0x0100_0193) ^ u32::from(byte);
    text.bytes().fold(0x811c_9dc5, step)
}

/// `SafeEncodeString` of k8s.io/apimachinery: each byte becomes a letter or digit that makes no words.
pub fn safe_encode(text: &str) -> String {
    const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let letter = |byte: u8| char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]);
    text.bytes().map(letter).collect()
}

/// SHA-1 of a text, in 40 hexadecimal digits (FIPS 180-4).
pub fn sha1(text: &str) -> String {
    let mut state: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    let mut message = text.as_bytes().to_vec();
    let bits = (message.len() as u64).wrapping_mul(8);
    message.push(0x80);
    while message.len() % 64 != 56 {
        message.push(0);
    }
    message.extend(bits.to_be_bytes());
    message
        .chunks_exact(64)
        .for_each(|block| compress(&mut state, block));
    state.iter().map(|word| format!("{word:08x}")).collect()
}

fn compress(state: &mut [u32; 5], block: &[u8]) {
    let mut words: Vec<u32> = block
        .chunks_exact(4)
        .map(|b| b.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)))
        .collect();
    for i in 16..80 {
        let word = words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16];
        words.push(word.rotate_left(1));
    }
    let [mut a, mut b, mut c, mut d, mut e] = *state;
    for (i, word) in words.iter().enumerate() {
        let (mix, constant) = match i / 20 {
            0 => ((b & c) | (!b & d), 0x5a82_7999),
            1 => (b ^ c ^ d, 0x6ed9_eba1),
            2 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
            _ => (b ^ c ^ d, 0xca62_c1d6_u32),
        };
        let next = a
            .rotate_left(5)
            .wrapping_add(mix)
            .wrapping_add(e)
            .wrapping_add(constant)
            .wrapping_add(*word);
        (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
    }
    for (sum, add) in state.iter_mut().zip([a, b, c, d, e]) {
        *sum = sum.wrapping_add(add);
    }
}

#[cfg(test)]
mod tests {
    use super::{fnv1_32, safe_encode, sha1 as hex};

    #[test]
    fn published_vectors() {
        assert_eq!(hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(hex(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        let long = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        assert_eq!(hex(long), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    }

    /// Vectors of Go's hash/fnv, and the revision hash of a recorded LeaderWorkerSet.
    #[test]
    fn fnv() {
        assert_eq!(fnv1_32(""), 0x811c_9dc5);
        assert_eq!(fnv1_32("a"), 0x050c_5d7e);
        assert_eq!(fnv1_32("ab"), 0x7077_2d38);
        assert_eq!(safe_encode("0123456789"), "456789bcdf");
    }

    /// The label `group-uid` that the controller gave the pods of group `g`.
    #[test]
    fn as_the_controller_hashes() {
        assert_eq!(hex("NAMESPACE/g"), "e0894345a79672208955a99abe907b395b3e53d4");
    }
}
