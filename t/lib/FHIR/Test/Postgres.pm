# SPDX-License-Identifier: Apache-2.0
# A private PostgreSQL cluster on a unix socket, and a database in it that has the schema.
#
# With FHIR_TEST_PG=DIR:PORT (t/run sets it) the cluster is one that runs already; each test still
# gets a database of its own, copied from a template that is made once per fhirctl binary.
package FHIR::Test::Postgres;

use strict;
use warnings;
use Digest::MD5;
use FHIR::Test::System qw(built guard_pid_file patience pg_bin pid_in read_file run run_ok stop_pid
    unprivileged wait_for work_dir);

my $USER = 'fhir';           # owns everything; psql, fhirctl
my $SERVER = 'fhir_server';  # what httpd connects as: may do what fhirctl init --role gave it

# Starts a cluster: { dir, port, data, log }. Nothing in it survives, so nothing is synced; but
# dir => a folder that stays, with the cluster that is there.
sub start_cluster {
    my (%options) = @_;
    my $base = $options{dir} || work_dir() . '/pg';
    mkdir $base;
    if (my ($name, $uid, $gid) = unprivileged()) { chown $uid, $gid, $base }
    my $self = bless { dir => $base, port => 5432, data => "$base/data", log => "$base/log" },
        __PACKAGE__;
    $self->init unless -e "$self->{data}/PG_VERSION";
    guard_pid_file("$self->{data}/postmaster.pid");
    $self->start;
    return $self;
}

sub init {
    my ($self) = @_;
    run_ok({ user => 1 }, pg_bin('initdb'), '-D', $self->{data}, '-U', $USER, '-A', 'trust',
        '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync', '--no-instructions');
    my $conf = <<"CONF";
listen_addresses = ''
unix_socket_directories = '$self->{dir}'
port = $self->{port}
max_connections = 200
shared_buffers = 64MB
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum_naptime = 5min
timezone = 'UTC'
CONF
    open my $file, '>>', "$self->{data}/postgresql.conf" or die "postgresql.conf: $!\n";
    print {$file} $conf;
    close $file;
    return;
}

# The cluster to use: one that runs already, or a new one.
sub cluster {
    my ($dir, $port) = ($ENV{FHIR_TEST_PG} // '') =~ /^(.+):(\d+)$/;
    return start_cluster() unless $dir;
    return bless { dir => $dir, port => $port, shared => 1 }, __PACKAGE__;
}

# Only a cluster of the test's own can be stopped and started again.
sub start {
    my ($self) = @_;
    run_ok({ user => 1 }, pg_bin('pg_ctl'), '-D', $self->{data}, '-l', $self->{log}, '-w', '-s', 'start');
    return;
}

# how: fast (default), immediate (as a crash), smart.
sub stop {
    my ($self, $how) = @_;
    die "this cluster is shared: use FHIR::Test->new(own_cluster => 1)\n" if $self->{shared};
    run_ok({ user => 1 }, pg_bin('pg_ctl'), '-D', $self->{data}, '-w', '-s', '-m', $how || 'fast', 'stop');
    return;
}

# Environment by which libpq finds the database.
sub env {
    my ($self, $database) = @_;
    return {
        PGHOST => $self->{dir}, PGPORT => $self->{port}, PGUSER => $USER,
        PGDATABASE => $database || 'postgres', PGCLIENTENCODING => 'UTF8',
    };
}

# The same as a connection string, for DBDParams or another user.
sub conninfo {
    my ($self, $database, $user) = @_;
    $user ||= $SERVER;
    return "host=$self->{dir} port=$self->{port} user=$user dbname=$database connect_timeout=5";
}

# Runs SQL: rows as lines, columns divided by |; dies with psql's message if SQL fails.
sub psql {
    my ($self, $database, $sql) = @_;
    my $done = run({ env => $self->env($database), stdin => $sql }, pg_bin('psql'), '-XqAt',
        '-v', 'ON_ERROR_STOP=1', '-f', '-');
    die "psql: $done->{err}" if $done->{status};
    chomp $done->{out};
    return $done->{out};
}

# A new database; with the schema unless plain. Returns its name.
sub create_database {
    my ($self, %options) = @_;
    my $name = 'test_' . $$ . '_' . ++$self->{count};
    my $template = $options{plain} ? 'template0' : $self->template;
    $self->psql(postgres => "CREATE DATABASE $name TEMPLATE $template STRATEGY file_copy");
    return $name;
}

sub drop_database {
    my ($self, $name) = @_;
    $self->psql(postgres => "DROP DATABASE IF EXISTS $name WITH (FORCE)");
    return;
}

# The template of the present fhirctl: made by whoever comes first, under a lock.
sub template {
    my ($self) = @_;
    my $fhirctl = built('fhirctl');
    open my $file, '<:raw', $fhirctl or die "$fhirctl: $!\n";
    my $name = 'fhir_' . Digest::MD5->new->addfile($file)->hexdigest;
    my $there = sub { $self->psql(postgres => "SELECT 1 FROM pg_database WHERE datname = '$name'") };
    return $name if $there->();
    my $made = eval { $self->psql(postgres => "CREATE DATABASE ${name}_new TEMPLATE template0"); 1 };
    if ($made and $there->()) {    # another test has finished it since we looked
        $self->psql(postgres => "DROP DATABASE ${name}_new");
    }
    elsif ($made) {
        $self->psql(postgres => "CREATE ROLE $SERVER LOGIN")
            unless $self->psql(postgres => "SELECT 1 FROM pg_roles WHERE rolname = '$SERVER'");
        run_ok({ env => $self->env("${name}_new") }, $fhirctl, 'init', '--role', $SERVER);
        $self->psql(postgres => "ALTER DATABASE ${name}_new RENAME TO $name");
    }
    elsif ($@ !~ /already exists|duplicate key/) { die $@ }
    wait_for($there, 60) or die "template database $name was not finished by the test that began it\n";
    return $name;
}

1;
