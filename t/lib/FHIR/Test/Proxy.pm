# SPDX-License-Identifier: Apache-2.0
# A proxy on a TCP port in front of PostgreSQL's unix socket, which can be told to cut connections, to
# refuse them, to delay what passes, or to swallow everything (connections are accepted and nothing is
# answered, as by a host that hangs).
#
#     my $proxy = FHIR::Test::Proxy->start($t->cluster);
#     … "host=127.0.0.1 port=$proxy->{port}" …
#     $proxy->mode('swallow');
package FHIR::Test::Proxy;

use strict;
use warnings;
use FHIR::Test::System qw(free_port guard_pid_file work_dir write_file);
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use Time::HiRes qw(sleep);

my $proxies = 0;

# first: the mode to start with (pass).
sub start {
    my ($class, $cluster, $first) = @_;
    my $file = work_dir() . '/proxy' . ++$proxies;
    my $self = bless { file => $file, socket => "$cluster->{dir}/.s.PGSQL.$cluster->{port}" }, $class;
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'tcp', Listen => 64) or die $!;
    $self->{port} = $listen->sockport;
    $self->mode($first || 'pass');
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
        # above all the pipe by whose end the test's servers are told to stop
        POSIX::close($_) for grep { $_ != fileno $listen } 3 .. 255;
        serve($self, $listen);
        POSIX::_exit(0);
    }
    write_file("$file.pid", "$pid\n");
    guard_pid_file("$file.pid");
    return $self;
}

# pass, cut (once, then pass), refuse, swallow, or delay=MILLISECONDS.
sub mode {
    my ($self, $mode) = @_;
    write_file("$self->{file}.new", $mode);
    rename "$self->{file}.new", "$self->{file}.mode";
    sleep 0.1;
    return;
}

sub serve {
    my ($self, $listen) = @_;
    my ($mode, $select, %peer) = ('', IO::Select->new($listen));
    my $drop = sub {
        for my $socket (grep { $_ } $_[0], delete $peer{ $_[0] }) {
            delete $peer{$socket};
            $select->remove($socket);
            close $socket;
        }
    };
    $SIG{PIPE} = 'IGNORE';
    while (1) {
        open my $in, '<', "$self->{file}.mode" or return;
        my $now = <$in> // $mode;
        if ($now ne $mode && $now =~ /^(?:cut|refuse)$/) {
            $drop->($_) for grep { $_ != $listen } $select->handles;
        }
        $mode = $now;
        if ($mode eq 'swallow') { sleep 0.02; next }
        for my $socket ($select->can_read(0.02)) {
            if ($socket == $listen) {
                my $client = $listen->accept or next;
                my $server = $mode eq 'refuse' ? undef : IO::Socket::UNIX->new(Peer => $self->{socket});
                if (!$server) { close $client; next }
                @peer{ $client, $server } = ($server, $client);
                $select->add($client, $server);
                next;
            }
            next unless $peer{$socket};
            sleep $1 / 1000 if $mode =~ /^delay=(\d+)/;
            my $n = sysread $socket, my $data, 65536;
            my $to = $peer{$socket};
            if (!$n) { $drop->($socket); next }
            while (length $data) {
                my $written = syswrite $to, $data;
                if (!defined $written) { $drop->($socket); last }
                substr $data, 0, $written, '';
            }
        }
    }
}

1;
