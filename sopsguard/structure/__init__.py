"""What a document must look like: JSON Schema judged on ciphertext, pairs of keys with an identity."""
