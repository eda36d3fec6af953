"""One run, from Luigi's worker to the last line of its log. Imports no task: those are in the room above.

worker.py            the seam into Luigi's worker: begin and end of a run
current_run.py       the run of this process: its id, its plan, its result
task.py              the base classes of all tasks
task_results.py      passes a task's result from its process to the main one
month_results.py     the result of each month, and the lines of the summary
drift.py             the lines about unknown columns and values
preflight.py         the health checks before the first byte is downloaded, and those of `taxi-luigi doctor`
progress.py          the progress of a task, for luigid's page and for the panel
panel.py             the panel of a run on a terminal, and its summary: state and layout
live.py              draws the panel while a run goes on
signals.py           ends the processes of a run after a signal
scheduler_client.py  the requests to luigid that Luigi's worker does not make
shared_runs.py       takes over the tasks of a lost machine, and shows what other machines do
luigid_server.py     `taxi-luigi luigid`
cron_mail.py         the last lines of a failed run, for cron's mail
notify/              mail, chat and webhooks
"""
