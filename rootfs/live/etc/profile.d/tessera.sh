# The tools of the cluster are for everybody; some of them are in sbin.
PATH=$PATH:/usr/sbin
