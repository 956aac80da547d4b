"""Writes SOPS files: encrypts new ones and changes what is there, bytes in, bytes out."""

from sopsguard.sops.editor.new import FORMATS, SOPS_VERSION, CannotEncrypt, encrypt

__all__ = ["FORMATS", "SOPS_VERSION", "CannotEncrypt", "encrypt"]
