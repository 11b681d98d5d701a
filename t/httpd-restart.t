# SPDX-License-Identifier: Apache-2.0
# Reloads with requests in flight, many reloads without growth, a killed child, a quick stop.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::System qw(patience read_file work_dir);
use HTTP::Tiny;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $t = FHIR::Test->new(own_cluster => 1, processes => 2, threads => 8);
$t->psql(<<'SQL');
INSERT INTO main.patient (id, version, last_updated, resource)
SELECT 'p' || i, 1, now(), format('{"resourceType":"Patient","id":"p%s"}', i) FROM generate_series(1, 100) i;
SQL
my @paths = ('/dev/r4/Patient/p1', '/dev/r4/Patient?_count=50');

sub load {
    my ($work) = @_;
    my $stop = work_dir() . '/stop' . time;
    my @children;
    for my $number (1 .. 4) {
        my $pid = fork // die "fork: $!\n";
        if ($pid) { push @children, $pid; next }
        open my $file, '>', "$stop.$number";
        # a connection for each request: httpd may close one that is kept alive whenever it likes
        for (my $i = 0; !-e $stop; $i++) {
            my $answer = HTTP::Tiny->new(timeout => 20, keep_alive => 0)->get($t->url($paths[$i % 2]));
            print {$file} "$answer->{status}\n";
        }
        close $file;
        POSIX::_exit(0);
    }
    $work->();
    open my $file, '>', $stop;
    waitpid $_, 0 for @children;
    my %count;
    $count{$_}++ for map { split /\n/, read_file("$stop.$_") } 1 .. 4;
    return \%count;
}

# Anonymous memory of a process in KB, whether a child shares its pages or not: what is private grows
# when a child ends.
sub memory {
    my ($pid) = @_;
    my $sum = 0;
    $sum += $_ for read_file("/proc/$pid/smaps") =~ /^Anonymous:\s+(\d+) kB/mg;
    return $sum;
}
sub open_files { my @all = glob "/proc/$_[0]/fd/*"; return scalar @all }
sub connections {
    return $t->psql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'") - 1;
}

# ---- graceful restarts under load ----

my @first = $t->children;
my $answers = load(sub { for (1 .. 5) { sleep 0.3; $t->graceful } sleep 0.3 });
is(join(' ', keys %$answers), '200', 'five graceful restarts under load: no request fails');
cmp_ok($answers->{200} // 0, '>', 20, "$answers->{200} requests");
ok(wait_for(sub { !grep { kill 0, $_ } @first }, 8), 'the first children are gone');

# ---- growth ----

# The parent settles over the first reloads.
for (1 .. 5) { $t->graceful; $t->get($_) for @paths }
my $parent = $t->httpd->{pid};
my ($before, $files) = (memory($parent), open_files($parent));
for (1 .. 40) { $t->graceful; $t->get($_) for @paths }
SKIP: {
    skip 'the sanitizers keep freed memory', 1 if FHIR::Test::Httpd::sanitized();
    cmp_ok(memory($parent) - $before, '<', 40 * 8, 'forty reloads: the parent process grows by less than 8 KB each');
}
is(open_files($parent), $files, 'and has no more files open');
ok(wait_for(sub { $t->children <= 2 }, 8), 'no child of an earlier generation is left');
ok(wait_for(sub { connections() <= 2 * 3 }, 5), 'nor a database connection: ' . connections());

SKIP: {
    skip 'the sanitizers keep freed memory', 1 if FHIR::Test::Httpd::sanitized();
    my ($child) = $t->children;
    for (1 .. 300) { $t->get($_) for @paths }
    $before = memory($child);
    for (1 .. 1500) { $t->get($_) for @paths }
    cmp_ok(memory($child) - $before, '<', 1500,
        'three thousand requests: a child grows by less than half a KB each');
}

# ---- a child that is killed ----

$t->allow_log(qr/AH0005[0-9]: child pid \d+ exit signal Killed/);
kill 'KILL', ($t->children)[0];
ok(wait_for(sub { $t->children >= 2 }, 8), 'a killed child is replaced');
delete $t->httpd->{client};    # its connection may have been the killed child's
is(join(' ', map { $t->get($_)->status } (@paths) x 10), join(' ', (200) x 20), 'and all is well');

# ---- a stop ----

# A graceful one: httpd 2.4 itself may crash when it is stopped at once with requests in flight.
my $gone;
load(sub {
    sleep 0.3;
    kill 'WINCH', $parent;
    $gone = wait_for(sub { waitpid($parent, POSIX::WNOHANG()) == $parent }, 4);
});
ok($gone, 'stops under load');
ok(wait_for(sub { connections() == 0 }, 5), 'and leaves no database connection');
$t->done;
