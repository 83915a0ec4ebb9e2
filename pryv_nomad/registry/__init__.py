"""What happens between the list of cores and the processes that read it: checked, swapped in, reloaded one by one."""
