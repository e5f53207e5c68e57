"""The bundled flow behind `flowtui demo`."""
