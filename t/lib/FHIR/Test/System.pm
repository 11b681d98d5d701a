# SPDX-License-Identifier: Apache-2.0
# What the tests need of the machine: paths, the unprivileged user, commands, and a folder with
# servers that go away with the test however it ends.
package FHIR::Test::System;

use strict;
use warnings;
use Cwd qw(abs_path getcwd);
use Exporter 'import';
use File::Basename qw(dirname);
use File::Path qw(remove_tree);
use File::Temp ();
use IO::Socket::INET;
use POSIX qw(:sys_wait_h setgid setuid);
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(source_dir build_dir built missing_data work_dir guard_pid_file pid_in stop_pid
    unprivileged run run_ok spawn pg_bin apxs_value free_port wait_for patience read_file write_file);

my $SOURCE = abs_path(dirname(__FILE__) . '/../../../..');
# A thread that ends in apr_thread_exit leaves the poison of its frames on the stack; ASan's removal
# of its own signal stack then runs on it and reports itself.
$ENV{ASAN_OPTIONS} //= 'use_sigaltstack=0';

my ($work, $owner, $reaper, $reaper_in);

sub source_dir { return $SOURCE }

# The folder configure ran in: FHIR_BUILD, else the current folder, the source's or its build/.
sub build_dir {
    my @places = $ENV{FHIR_BUILD} || (getcwd(), $SOURCE, "$SOURCE/build");
    for (@places) { return abs_path($_) if -e "$_/config.status" }
    die "no build in @places: run configure and make, or set FHIR_BUILD\n";
}

# The path of something make made, by its name in the build folder.
sub built {
    my ($name) = @_;
    my $path = build_dir() . "/$name";
    die "$path is not there: run make first\n" unless -e $path;
    return $path;
}

# A line that tells how many of these test files are skipped, or skip a part, for want of public FHIR data;
# nothing when that is there. Each of them names the folder.
sub missing_data {
    my (@files) = @_;
    my $folder = "$SOURCE/../shared/fhir";
    my $n = grep { read_file($_) =~ m{/\.\./shared/fhir\b} } @files;
    return '' if -d $folder || !$n;
    return "$n test files skip what needs HL7's definitions and public samples: they are not in "
        . dirname($SOURCE) . "/shared/fhir (docs/building.md)\n";
}

# Waits are longer under valgrind and the sanitizers: all time limits go through this factor.
sub patience {
    my ($seconds) = @_;
    return $seconds * ($ENV{FHIR_TEST_VALGRIND} ? 20 : 4);
}

# True as soon as the code returns true; false after that many (patient) seconds.
sub wait_for {
    my ($code, $seconds) = @_;
    my $end = time + patience($seconds // 5);
    until ($code->()) {
        return 0 if time > $end;
        sleep 0.02;
    }
    return 1;
}

sub read_file {
    my ($path) = @_;
    open my $file, '<:raw', $path or die "$path: $!\n";
    local $/;
    return scalar <$file> // '';
}

sub write_file {
    my ($path, $text) = @_;
    open my $file, '>:raw', $path or die "$path: $!\n";
    print {$file} $text;
    close $file or die "$path: $!\n";
    return $path;
}

# PostgreSQL refuses to run as root, and httpd wants a user for its children: (name, uid, gid) when
# we are root, else nothing.
sub unprivileged {
    return if $> != 0;
    for my $name (qw(postgres nobody)) {
        my (undef, undef, $uid, $gid) = getpwnam $name;
        return ($name, $uid, $gid) if $uid;
    }
    die "neither user postgres nor nobody exists\n";
}

# ---- commands ----

# Starts a command; options: user => 1 (unprivileged), env => {}, in/out/err => path, dir => path.
sub spawn {
    my ($options, @command) = @_;
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;
    eval {
        my %to = (in => '/dev/null', %$options);
        open STDIN, '<', $to{in} or die "$to{in}: $!\n";
        if ($to{out}) { open STDOUT, '>>', $to{out} or die "$to{out}: $!\n" }
        if ($to{err}) { open STDERR, '>>', $to{err} or die "$to{err}: $!\n" }
        if ($options->{user} and my ($name, $uid, $gid) = unprivileged()) {
            $) = "$gid $gid";
            setgid($gid);
            setuid($uid) or die "setuid $name: $!\n";
        }
        chdir($options->{dir} || ($options->{user} ? '/' : '.'));
        $ENV{$_} = $options->{env}{$_} for keys %{ $options->{env} || {} };
        exec { $command[0] } @command or die "$command[0]: $!\n";
    };
    print STDERR $@;
    POSIX::_exit(127);
}

# Runs a command to its end: { status, out, err }; a signal gives status 128 + signal.
sub run {
    my ($options, @command) = @_;
    my ($out, $err) = map { File::Temp->new(DIR => work_dir()) } 1 .. 2;
    my $in = defined $options->{stdin} ? File::Temp->new(DIR => work_dir()) : undef;
    if ($in) { print {$in} $options->{stdin}; close $in }
    chmod 0666, "$out", "$err";
    my $pid = spawn({ %$options, ($in ? (in => "$in") : ()), out => "$out", err => "$err" }, @command);
    waitpid $pid, 0;
    my $status = WIFSIGNALED($?) ? 128 + WTERMSIG($?) : WEXITSTATUS($?);
    return { status => $status, out => read_file("$out"), err => read_file("$err") };
}

sub run_ok {
    my ($options, @command) = @_;
    my $done = run($options, @command);
    die "@command: exit $done->{status}\n$done->{out}$done->{err}" if $done->{status};
    return $done->{out};
}

# A program of PostgreSQL's server package: Debian keeps them out of PATH.
sub pg_bin {
    my ($name) = @_;
    chomp(my $dir = `pg_config --bindir 2>/dev/null`);
    my @all = sort { ($b =~ /(\d+)/)[0] <=> ($a =~ /(\d+)/)[0] } glob '/usr/lib/postgresql/*/bin';
    for ($dir, @all, split /:/, $ENV{PATH}) { return "$_/$name" if -x "$_/$name" }
    die "$name not found (Debian package postgresql)\n";
}

sub apxs_value {
    my ($name) = @_;
    my ($apxs) = read_file(build_dir() . '/config.status') =~ /^S\["APXS"\]="(.*)"$/m;
    chomp(my $value = `$apxs -q $name`);
    return $value;
}

sub free_port {
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'tcp', Listen => 1)
        or die "no free port: $@\n";
    return $socket->sockport;
}

# ---- the test's folder, and its end ----

# The folder all files of this test are in, made at the first call. A process of its own waits for
# this one to end, in whatever way, stops the servers whose pid files were given to guard_pid_file
# and removes the folder. FHIR_TEST_KEEP=1 keeps the folder.
sub work_dir {
    return $work if $work;
    my $dir = File::Temp::tempdir('fhir-XXXXXX', TMPDIR => 1);
    chmod 0755, $dir;
    if (my ($name, $uid, $gid) = unprivileged()) { chown $uid, $gid, $dir }
    pipe my $out, $reaper_in or die "pipe: $!\n";
    $reaper = fork // die "fork: $!\n";
    if (!$reaper) {
        close $reaper_in;
        POSIX::setsid();
        $SIG{$_} = 'IGNORE' for qw(INT TERM HUP);
        open STDOUT, '>', '/dev/null';
        reap($dir, $out);
        POSIX::_exit(0);
    }
    $reaper_in->autoflush(1);
    $owner = $$;
    return $work = $dir;
}

sub reap {
    my ($dir, $out) = @_;
    my @files;
    while (my $file = <$out>) { chomp $file; unshift @files, $file }
    stop_pid(pid_in($_)) for @files;
    remove_tree($dir) unless $ENV{FHIR_TEST_KEEP};
    return;
}

# The server that writes this pid file is stopped when the test ends; last one first.
sub guard_pid_file {
    my ($file) = @_;
    work_dir();
    print {$reaper_in} "$file\n";
    return $file;
}

sub pid_in {
    my ($file) = @_;
    open my $in, '<', $file or return 0;
    return (<$in> // '') =~ /^(\d+)/ ? $1 : 0;
}

# Stops a process: TERM (or the signal given), then KILL after a while.
sub stop_pid {
    my ($pid, $signal) = @_;
    return 1 unless $pid and kill 0, $pid;
    kill $signal || 'TERM', $pid;
    return 1 if wait_for(sub { waitpid($pid, WNOHANG); !kill 0, $pid }, 10);
    kill 'KILL', $pid;
    return 0;
}

END {
    if ($reaper and $$ == $owner) {
        my $status = $?;
        close $reaper_in;
        waitpid $reaper, 0;
        $? = $status;
    }
}

# A test that is interrupted still runs its END blocks.
$SIG{$_} //= sub { exit 130 } for qw(INT TERM HUP);

1;
