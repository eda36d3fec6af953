"""What cron_run.py needs once the environment file is read: its turn, luigi's process, the mail of a failure."""
